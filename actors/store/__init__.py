"""What must outlive its owner: in memory, in SQLite or in PostgreSQL."""

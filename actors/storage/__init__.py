"""Where a store keeps its records: tables in memory, SQLite or PostgreSQL, and their versions."""

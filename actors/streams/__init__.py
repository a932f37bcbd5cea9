"""What flows through a room: its rules, and the connections that carry it."""

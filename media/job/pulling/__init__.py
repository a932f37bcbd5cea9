"""What a process pulls from outside: opened, read by a thread, and sent into a room."""

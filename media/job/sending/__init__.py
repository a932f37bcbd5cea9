"""What a process sends outside: units of coded sound and pictures, written by a thread."""

"""The server's side of processes that decode and encode."""

"""What the server itself does in a room: recordings today."""

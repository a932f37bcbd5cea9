"""What an operator forbids and orders, as rules. Knows no rooms and no sockets."""

"""The data plane: packets from sources to sinks, and what the two sides say about them."""

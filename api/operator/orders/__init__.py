"""What the operator orders: rooms closed, people put out, streams muted, actors stopped."""

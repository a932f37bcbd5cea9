"""Who is in a room: a client or its absence, and its way into the room."""

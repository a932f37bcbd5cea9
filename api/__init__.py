"""The server around the actors: HTTP, websockets, dialects, configuration, and the process."""

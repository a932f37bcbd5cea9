"""What all dialects share of HTTP and websockets: apps, credentials, origins, carriers."""

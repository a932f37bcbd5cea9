"""What carries websockets and requests: TCP connections, the lane, Quart-Trio and Hypercorn."""

"""The Open WebRTC Toolkit dialect."""

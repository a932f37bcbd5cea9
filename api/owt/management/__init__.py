"""The management REST API of Open WebRTC Toolkit."""

"""The Spreed WebRTC dialect."""

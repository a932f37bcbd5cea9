"""The portal of Open WebRTC Toolkit: what clients say over Socket.IO, and are told."""

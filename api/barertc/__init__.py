"""The BareRTC dialect."""

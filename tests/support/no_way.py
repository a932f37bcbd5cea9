"""A browser between whose network and any other there is no way."""

NO_WAY = """
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(options) { super({ ...options, iceTransportPolicy: "relay" }); }
};
"""
"""For `add_init_script`: it offers relays alone, of which the server has none."""

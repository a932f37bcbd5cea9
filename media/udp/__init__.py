"""UDP ports for plain RTP, without ICE and DTLS."""

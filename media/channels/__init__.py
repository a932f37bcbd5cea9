"""What the messages of data channels hold: how npm `peerjs` writes them, and what UDP takes."""

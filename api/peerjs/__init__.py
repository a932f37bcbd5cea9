"""The broker of PeerJS: browsers find each other by id, and call each other through it."""

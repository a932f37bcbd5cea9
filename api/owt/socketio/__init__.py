"""Engine.IO 3 and 4, and Socket.IO on them, over polling and websocket; knows no portal."""

"""MQTT over websocket, as a server speaks it."""

"""SkyWay WebRTC Gateway: programs without a browser, by REST, with data and media as UDP ports."""

"""WebRTC connections: aiortc on its asyncio loop, and everything that is said to it."""

"""The WebSocket protocol without I/O: bytes in, events and bytes out. No socket, no event loop, no clock."""

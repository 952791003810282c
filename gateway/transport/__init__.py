"""Listeners, TCP and WebSocket connections, and the PROXY protocol."""

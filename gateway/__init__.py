"""The device gateway: MQTT over TCP and WebSocket, and the HTTP twins of device requests."""

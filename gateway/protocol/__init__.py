"""The MQTT session and its packets, without I/O."""

"""Broadcasts on a node: which are active, and how far each device has come."""

"""Devices: registering, binding, reporting, their tokens at vendors' channels, and their removal."""

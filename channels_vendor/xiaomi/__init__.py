"""Xiaomi MiPush."""

"""Revoking pushes and messages."""

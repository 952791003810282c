"""Workspaces' accounts at vendors: which are in use, and whether they work."""

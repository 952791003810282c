"""Acme: a vendor that nobody but its folder knows of."""

"""Acme, a vendor that only this folder knows."""

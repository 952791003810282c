"""Delivery reports: what vendors post about messages they accepted."""

"""Commands of the vendors' channels."""

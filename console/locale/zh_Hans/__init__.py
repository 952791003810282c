"""Simplified Chinese: the catalogs of texts, and formats of dates and times."""

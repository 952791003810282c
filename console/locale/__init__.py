"""Languages and time zones: the Chinese catalog, status labels, whose clock a page shows."""

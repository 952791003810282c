"""vivo Push."""

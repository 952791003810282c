"""OPPO Push."""

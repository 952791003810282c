"""Usage analysis: what was pushed, arrived, was opened and ignored (docs/analytics.md)."""

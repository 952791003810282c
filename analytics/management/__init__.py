"""Commands of usage analysis."""

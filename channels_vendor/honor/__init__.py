"""HONOR Push."""

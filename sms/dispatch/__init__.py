"""SMS that are due, and sending them."""

"""Keys and secrets, and the addresses that the service calls and is called from."""

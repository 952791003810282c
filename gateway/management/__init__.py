"""Django management commands of the gateway."""

"""Django management commands of the domain."""

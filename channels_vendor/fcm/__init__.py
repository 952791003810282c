"""Google Firebase Cloud Messaging."""

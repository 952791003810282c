"""Result codes of the API and status codes of messages."""

"""The REST API: signed JSON at `/api/v1/`."""

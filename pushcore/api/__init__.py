"""The server API: the RPC API of the published client packages, and the REST API (docs/api.md)."""

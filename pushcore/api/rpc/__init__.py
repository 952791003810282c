"""The RPC API: what the published client packages speak, at `/`."""

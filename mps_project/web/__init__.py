"""The web process, `mps web`: HTTP server, middleware, cache."""

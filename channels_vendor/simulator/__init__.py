"""A server that speaks the vendors' APIs, for tests, benchmarks and the demo."""

"""Benchmarks: `make bench-NAME` measures the service, compares it with others where possible, and checks targets."""

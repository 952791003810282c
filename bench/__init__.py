"""Benchmarks: `make bench-NAME` measures the service, beside others where there are any, and checks targets."""

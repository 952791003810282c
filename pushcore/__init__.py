"""The domain: apps, devices, pushes, delivery and receipts, and the APIs that backends call."""

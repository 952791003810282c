"""What vendors' folders share: the contract of adapters, HTTP, credentials, payloads."""

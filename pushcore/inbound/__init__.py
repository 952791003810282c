"""What every way in shares: backends' APIs, devices' requests, vendors' reports and the console.

- `decoding`: JSON and text as callers send them, refused where they cannot be stored
- `head_check`: refuse a request by its head, before its body is read
"""

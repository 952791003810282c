"""Outbound HTTP on libcurl.

- `calls`: requests, answers and settings
- `transfer`: one curl handle
- `client`: many calls at once, answers in the order of the calls
- `stream`: calls started one by one, answers as they come
"""

"""Outbound HTTP on libcurl, and the check of a request's head before its body is read.

- `calls`: requests, answers and settings
- `transfer`: one curl handle
- `client`: many calls at once, answers in the order of the calls
- `stream`: calls started one by one, answers as they come
- `head_check`: refuse a request before its body is read
"""

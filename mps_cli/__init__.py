"""The command line of a backend: push, templates, audiences, devices and tasks over the signed API.

It knows nothing of the service but its API, and works from any machine that reaches it. Imports nothing of Django.
"""

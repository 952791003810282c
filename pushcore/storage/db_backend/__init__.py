"""Django's PostgreSQL backend, with connections that are set up for this service.

Settings name it as `"ENGINE": "pushcore.storage.db_backend"`.
"""

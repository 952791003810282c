"""Django's PostgreSQL backend with a health check that costs no round trip.

Settings name it as `"ENGINE": "pushcore.storage.db_backend"`.
"""

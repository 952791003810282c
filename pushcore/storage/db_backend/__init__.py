"""Django's PostgreSQL backend with a health check that costs no round trip (`ENGINE =
"pushcore.storage.db_backend"`)."""

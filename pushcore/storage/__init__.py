"""PostgreSQL and Valkey: connections, ids, partitions, retention, the shared clock, and what to do during outages."""

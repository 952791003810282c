"""PostgreSQL and Valkey: connections, ids, partitions, deletion in steps, the shared clock, and outages of both."""

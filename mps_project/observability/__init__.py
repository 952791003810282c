"""What operators see of the running service: probes, metrics, request ids, logs."""

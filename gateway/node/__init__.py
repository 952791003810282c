"""One gateway process: its sessions, admission, limits, timers and requests."""

"""What is kept of one user of an app: shown to whoever answers for it, and erased."""

"""Project package: settings, URLs, processes, embedded engines, health."""

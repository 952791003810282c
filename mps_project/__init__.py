"""The Django project: settings, URLs, the processes of the service and the command `mps`."""

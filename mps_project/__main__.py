"""The command `mps`, also `python -m mps_project`: the launcher, the processes, Django's commands, the API's client.

Works from any directory: `MPS_DATA_DIR` alone says where the service keeps data.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

from mps_project.garbage_collection import paused_while_loading

# Commands that start before Django's settings can be read, or that `mps run` alone needs.
_MODULES = {
    "run": "mps_project.run",
    "web": "mps_project.web.server",
    "prepare": "mps_project.launcher.prepare",
}
# Commands for whoever uses the service, from anywhere: they need its address and a key.
_CLIENT_COMMANDS = frozenset({"push", "template", "audience", "segment", "device", "task", "api", "mcp"})


def main() -> int:
    """Run the command that `sys.argv` names; returns the exit code."""
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command in _CLIENT_COMMANDS:
        return int(import_module("mps_cli.main").main())
    module = _MODULES.get(command)
    if module is not None:
        return int(import_module(module).main())
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mps_project.settings")
    with paused_while_loading():
        import django
        from django.core.management import execute_from_command_line

        django.setup()
    execute_from_command_line(sys.argv)
    return 0


if __name__ == "__main__":
    sys.exit(main())

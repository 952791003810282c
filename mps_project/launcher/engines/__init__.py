"""Embedded engines, the one-machine default: PostgreSQL and Valkey from wheels, as children of whoever starts them.

Each runs in the foreground in a session of its own, so that Ctrl-C reaches it only through its parent and nothing is
left behind. Both ask for a password.
"""

from __future__ import annotations

from mps_project.launcher.engines.engine import Engine, free_port
from mps_project.launcher.engines.errors import EngineError
from mps_project.launcher.engines.postgresql import postgres, postgres_binaries
from mps_project.launcher.engines.valkey import valkey

__all__ = ["Engine", "EngineError", "free_port", "postgres", "postgres_binaries", "valkey"]

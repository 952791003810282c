"""PostgreSQL and Valkey for a benchmark, in a temporary directory."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cryptography.fernet import Fernet

from mps_project.launcher import engines


@contextlib.contextmanager
def servers(**settings: str) -> Iterator[tuple[Path, dict[str, str]]]:
    """Run the engines; yields their directory, and the environment of processes that use them.

    The environment is also set in this process. `settings` add to or override its variables.
    """
    with tempfile.TemporaryDirectory(prefix="mps-bench-") as name:
        directory = Path(name)
        directory.chmod(0o755)  # PostgreSQL runs as another user
        database = engines.postgres(directory / "postgres", "bench")
        store = engines.valkey(directory / "valkey", "bench", engines.free_port())
        running = [(engine, engine.start_and_wait()) for engine in (database, store)]
        environment = {
            "DATABASE_URL": database.url,
            "REDIS_URL": store.url,
            "MPS_SECRET_KEY": "bench",
            "MPS_FIELD_KEYS": Fernet.generate_key().decode(),
            "MPS_LOG_LEVEL": "WARNING",
            "DJANGO_SETTINGS_MODULE": "mps_project.settings",
        }
        os.environ |= environment | settings
        try:
            yield directory, dict(os.environ)
        finally:
            for engine, process in reversed(running):
                engine.stop(process)


def set_up() -> None:
    """Set up Django, and create all tables in the engines."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from pushcore.storage import partitions

    partitions.ensure()

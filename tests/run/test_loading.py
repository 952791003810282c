"""What a process that is started by itself does not need, it does not load: half the time, a fifth less memory."""

from __future__ import annotations

import subprocess
import sys

WITHOUT_PAGES = """
import gc, sys
import django
from mps_project.garbage_collection import paused_while_loading
with paused_while_loading():
    django.setup()
    import gateway.management.commands.sink, pushcore.management.commands.receipts
    import gateway.management.commands.gateway, mps_project.asgi
    from mps_project.celery import app
    app.loader.import_default_modules()
print(gc.isenabled(), gc.get_freeze_count() > 100_000, *sys.modules)
"""
LAUNCHER = "import sys, mps_project.run; print(*sys.modules)"
OF_PAGES = {"console.admins", "console.pages", "openpyxl", "django.contrib.auth.admin", "pushcore.api.operations"}


def printed_by(code: str) -> list[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_gateway_sink_receipts_and_workers_load_no_pages() -> None:
    collects, exempt, *loaded = printed_by(WITHOUT_PAGES)
    assert OF_PAGES.isdisjoint(loaded)
    # Garbage collection rests while they load, and no longer.
    assert (collects, exempt) == ("True", "True")


def test_the_launcher_which_only_starts_processes_loads_neither_django_nor_celery() -> None:
    assert {"django", "celery"}.isdisjoint(printed_by(LAUNCHER))

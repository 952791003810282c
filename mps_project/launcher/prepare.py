"""Prepares the database: migrates, makes the demo app and writes `demo.json`. Run by `mps run` before the programs."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

import django
import psycopg2
from django.conf import settings
from django.core.management import call_command

from mps_project.launcher import exposure, installation
from mps_project.launcher.output import write_line
from pushcore.storage.outages import DatabaseFault


def main() -> int:
    """Prepare the database; returns the exit code, with one line on standard error where it failed."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mps_project.settings")
    django.setup()
    from pushcore import demo
    from pushcore.api import throttle
    from pushcore.storage.valkey import ValkeyDown

    # As early as can be: who calls when all is ready has signed the call after that. Without Valkey now, who asks
    # for readiness makes it.
    with contextlib.suppress(*ValkeyDown):
        throttle.keep_mark()
    try:
        call_command("migrate", verbosity=0, interactive=False)
        path = Path(settings.DATA_DIR) / "demo.json"
        exposed = exposure.is_exposed(settings.BIND)
        made = demo.ensure_demo(installation.read_json(path), open_binding=not exposed)
        if exposed:
            _warn_of_open_binding()
    except installation.InstallationError as error:
        sys.stderr.write(f"mps: {error}\n")
        return 1
    except (DatabaseFault, psycopg2.Error) as error:
        sys.stderr.write(f"mps: the database cannot be used: {(str(error).strip().splitlines() or ['?'])[0]}\n")
        return 1
    http_url = f"http://{settings.PUBLIC_HOST}:{settings.HTTP_PORT}"
    installation.write_private_json(
        path,
        made
        | {
            "http_url": http_url,
            "mqtt_url": f"mqtt://{settings.PUBLIC_HOST}:{settings.MQTT_PORT}",
            "ws_url": f"ws://{settings.PUBLIC_HOST}:{settings.WS_PORT}/gateway/mqtt",
            "console_url": f"{http_url}/console/",
        },
    )
    return 0


def _warn_of_open_binding() -> None:
    """Name the workspaces in which a device says who its user is, and is believed."""
    from pushcore.models import Workspace

    found = Workspace.objects.filter(client_bind=Workspace.ClientBind.OPEN).select_related("app")
    names = [str(workspace) for workspace in found[:20]]
    if names:
        write_line(f"warning: any device may bind any user, and gets that user's messages, in {', '.join(names)}")


if __name__ == "__main__":
    sys.exit(main())

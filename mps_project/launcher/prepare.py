"""Prepares the database: migrates, makes the demo app and writes `demo.json`. Run by `mps run` before the programs.

With `MPS_DEMO_DATA` the demo app gets two weeks of traffic.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

import django
import psycopg2
from django.conf import settings
from django.core.management import call_command

from mps_project.garbage_collection import paused_while_loading
from mps_project.launcher import exposure, installation
from mps_project.launcher.output import write_line
from pushcore.storage.outages import DatabaseFault


def main() -> int:
    """Prepare the database; returns the exit code, with one line on standard error where it failed."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mps_project.settings")
    with paused_while_loading():
        django.setup()
        from console.demo_data import operators
        from console.demo_data.fill import DemoDataError
        from pushcore.api import throttle
        from pushcore.storage.valkey import ValkeyDown

    # First of all: calls signed before the nonce epoch are refused, and clients may sign theirs while this still
    # starts. Where Valkey is away now, the readiness probe sets the epoch.
    with contextlib.suppress(*ValkeyDown):
        throttle.ensure_nonce_epoch()
    try:
        # With Django's checks, which the programs leave out.
        call_command("migrate", verbosity=0, interactive=False, skip_checks=False)
        _make_demo()
        if not settings.ONLY_THIS_MACHINE:
            operators.close_known_passwords()
        if settings.DEMO_DATA:
            _fill_demo()
    except (installation.InstallationError, DemoDataError) as error:
        sys.stderr.write(f"mps: {error}\n")
        return 1
    except (DatabaseFault, psycopg2.Error) as error:
        sys.stderr.write(f"mps: the database cannot be used: {(str(error).strip().splitlines() or ['?'])[0]}\n")
        return 1
    return 0


def _make_demo() -> None:
    """Make the demo app, or mend it; write its keys and addresses to `demo.json`, and the file of the device SDKs."""
    from console.pages.device_configuration import FILE_NAME, configuration_of
    from pushcore import demo
    from pushcore.channels import Platform
    from pushcore.models import Workspace

    path = Path(settings.DATA_DIR) / "demo.json"
    exposed = exposure.is_exposed(settings.BIND)
    made = demo.ensure_demo(installation.read_json(path), open_binding=not exposed)
    if exposed:
        _warn_of_open_binding()
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
    workspace = Workspace.objects.select_related("app").get(
        app__app_id=made["app_id"], workspace_id=made["workspace_id"]
    )
    installation.write_private_json(path.with_name(FILE_NAME), configuration_of(workspace, Platform.OTHER))


def _fill_demo() -> None:
    """Make the demo's two weeks of traffic where it is not there yet.

    Raises:
        DemoDataError: There are other apps than the demo.
    """
    from console.demo_data import fill, operators

    filled = fill.fill(known_passwords=settings.ONLY_THIS_MACHINE)
    if filled.devices:
        write_line(
            f"demo data: {filled.devices} devices, {filled.tasks} pushes, {filled.messages} messages of two weeks"
        )
    if settings.ONLY_THIS_MACHINE:
        names = ", ".join(one.username for one in operators.OPERATORS)
        write_line(f"demo data: {names} log in with the password {operators.PASSWORD}")


def _warn_of_open_binding() -> None:
    """Name the workspaces in which a device says who its user is, and is believed."""
    from pushcore.models import Workspace

    workspaces = Workspace.objects.filter(client_bind=Workspace.ClientBind.OPEN).select_related("app")
    names = [str(workspace) for workspace in workspaces[:20]]
    if names:
        write_line(f"warning: any device may bind any user, and gets that user's messages, in {', '.join(names)}")


if __name__ == "__main__":
    sys.exit(main())

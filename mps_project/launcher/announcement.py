"""Announces that the service the launcher has started is ready, and where it is reached."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

from mps_project.configuration import CommonConfiguration
from mps_project.launcher import installation
from mps_project.launcher.output import write_line

_TIMEOUT_SECONDS = 3
# Calls ourselves, whatever proxy the environment names.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def own_url(options: CommonConfiguration) -> str:
    """Return the URL of the web process as this machine reaches it: a wildcard is listened on, not called."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(options.bind, options.bind)  # noqa: S104 - compared, not bound
    return f"http://{f'[{host}]' if ':' in host else host}:{options.http_port}"


def is_ready(options: CommonConfiguration) -> bool:
    """Ask /readyz of the web process."""
    try:
        with _direct.open(f"{own_url(options)}/readyz", timeout=_TIMEOUT_SECONDS) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def announce(directory: Path, seconds: float) -> None:
    """Write where the service is reached and where its keys are, `seconds` after its start."""
    demo = installation.read_json(directory / "demo.json")
    write_line(
        f"\nready in {seconds:.1f} s\n"
        f"  console    {demo.get('console_url')}   (user {demo.get('username')}, password in demo.json)\n"
        f"  API        {demo.get('http_url')}   (documentation at /api/v1/docs/)\n"
        f"  MQTT       {demo.get('mqtt_url')}\n"
        f"  WebSocket  {demo.get('ws_url')}\n"
        f"  demo keys  {directory}/demo.json\n"
    )

"""The environment variables that the launcher sets for the processes it starts."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from mps_project.configuration import LauncherConfiguration
from mps_project.launcher import exposure
from mps_project.launcher.announcement import own_url
from mps_project.launcher.metrics_directory import make_metrics_directory


def complete_environment(directory: Path, given: LauncherConfiguration, generated: Mapping[str, str]) -> None:
    """Set the variables that the processes need and nobody has set, in our own environment, which they inherit.

    Args:
        directory: The data directory, absolute.
        given: The configuration as it was given.
        generated: The installation's generated secrets, by variable.
    """
    for name in ("MPS_SECRET_KEY", "MPS_FIELD_KEYS"):
        if not os.environ.get(name):
            os.environ[name] = generated[name]
    if not exposure.is_exposed(given.bind):
        # The demo's backend runs on this machine, and nobody else is here; production decides for itself.
        os.environ.setdefault("MPS_RECEIPT_ALLOW_PRIVATE", "1")
    if given.demo_vendors:
        # The simulated vendors are on this machine, and post their receipts here.
        os.environ["MPS_VENDOR_ALLOW_PRIVATE"] = "1"
        if not given.public_url:
            os.environ["MPS_PUBLIC_URL"] = own_url(given)
    # The processes start in another directory than this one.
    os.environ["MPS_DATA_DIR"] = str(directory)
    for name in ("MPS_TLS_CERT_FILE", "MPS_TLS_KEY_FILE"):
        if os.environ.get(name):
            os.environ[name] = str(Path(os.environ[name]).resolve())
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(make_metrics_directory(directory))
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"

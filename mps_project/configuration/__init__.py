"""What differs between installations, read from environment variables (12-factor, https://12factor.net/config).

`load()` reads and checks them all. `docs/configuration.md` is written from the same declarations by
`python -m mps_project.configuration`.
"""

from __future__ import annotations

from mps_project.configuration.loading import ConfigurationError, load, load_for_launcher
from mps_project.configuration.variables import CommonConfiguration, Configuration, LauncherConfiguration

__all__ = [
    "CommonConfiguration",
    "Configuration",
    "ConfigurationError",
    "LauncherConfiguration",
    "load",
    "load_for_launcher",
]

"""Where the service is, and which app and workspace this is."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

from mps_device.errors import ConfigError

SCHEMES = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}


@dataclass(frozen=True)
class Config:
    """The configuration of an app's devices, as the console offers it for download (`mps-device.json`).

    Attributes:
        endpoint: URL of the device gateway: mqtt, mqtts, ws or wss.
        app_id: The app.
        workspace_id: The app's workspace.
        client_key: The workspace's client key, with which a new device registers.
        http_endpoint: URL of the service over HTTP; used to unregister while there is no connection.
        platform: The device's platform; fixed when it registers.
        keep_alive: Seconds without traffic after which the connection is probed. A network that forgets idle
            connections early needs less.
        description: What the device says of itself: manufacturer, model, osVersion, appVersion; timeZone, language and
            country, which are the system's by default.
        ca_file: File with the certificate authorities to trust, in PEM; the system's by default.
    """

    endpoint: str
    app_id: str
    workspace_id: str
    client_key: str = field(repr=False)
    http_endpoint: str = ""
    platform: str = "other"
    keep_alive: int = 60
    description: Mapping[str, str] = field(default_factory=dict)
    ca_file: str = ""

    def __post_init__(self) -> None:
        url = urlsplit(self.endpoint)
        if url.scheme not in SCHEMES or not url.hostname:
            raise ConfigError("endpoint is a URL that begins with mqtt://, mqtts://, ws:// or wss://")
        for name in ("app_id", "workspace_id", "client_key", "platform"):
            if not getattr(self, name):
                raise ConfigError(f"{_camel_case(name)} is missing")
        if not 5 <= self.keep_alive <= 65_535:
            raise ConfigError("keepAlive is between 5 and 65535 seconds")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Config:
        """Read a configuration file.

        Raises:
            ConfigError: The file cannot be read, or a field is missing or faulty.
        """
        try:
            values = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(f"{path} cannot be read: {error}") from error
        if not isinstance(values, dict):
            raise ConfigError(f"{path} holds no JSON object")
        return cls.from_mapping(values)

    @classmethod
    def from_mapping(cls, values: Mapping[str, object]) -> Config:
        """Make a configuration from the fields of the file, named in camelCase; unknown ones are ignored.

        Raises:
            ConfigError: A field is missing or faulty.
        """
        types: dict[str, type] = {"keep_alive": int, "description": dict}
        given = {}
        for one in fields(cls):
            name = _camel_case(one.name)
            if values.get(name) is not None:
                given[one.name] = value = values[name]
                if not isinstance(value, types.get(one.name, str)):
                    raise ConfigError(f"{name} has the wrong type")
        missing = [name for name in ("endpoint", "app_id", "workspace_id", "client_key") if name not in given]
        if missing:
            raise ConfigError(f"{_camel_case(missing[0])} is missing")
        return cls(**given)  # type: ignore[arg-type]  # checked above

    @property
    def username(self) -> str:
        """The MQTT user name of the workspace's devices."""
        return f"{self.app_id}-{self.workspace_id}"


def _camel_case(name: str) -> str:
    return re.sub("_(.)", lambda match: match[1].upper(), name)

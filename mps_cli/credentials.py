"""Whose calls are made, and where to: a JSON file, as `make run` writes one for its demo app."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "MPS_CREDENTIALS"
DEFAULT = Path("~/.config/mps/credentials.json")
_NEEDED = ("http_url", "app_id", "workspace_id", "access_key_id", "access_key_secret")


class CredentialsError(Exception):
    """The file is missing or incomplete; says which and what."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key, and the workspace that calls are about.

    Attributes:
        http_url: The address of the API, such as `https://push.example.com`.
        rsa_private_key_pem: The private key for what only the REST API takes (files); empty where there is none.
    """

    http_url: str
    app_id: str
    workspace_id: str
    access_key_id: str
    access_key_secret: str
    rsa_private_key_pem: str = ""

    def __repr__(self) -> str:
        return f"Credentials({self.http_url}, {self.app_id}-{self.workspace_id}, {self.access_key_id})"


def load(given: str) -> Credentials:
    """Read a file of credentials: the one given, else that of `MPS_CREDENTIALS`, else the user's own.

    Raises:
        CredentialsError: It cannot be read, or lacks something.
    """
    path = Path(given or os.environ.get(VARIABLE) or DEFAULT).expanduser()
    try:
        values = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise CredentialsError(
            f"{path}: {error.strerror}. Name a file with --credentials or {VARIABLE}; `make run` writes var/demo.json."
        ) from None
    except ValueError:
        raise CredentialsError(f"{path} is not JSON") from None
    if missing := [name for name in _NEEDED if not isinstance(values, dict) or not values.get(name)]:
        raise CredentialsError(f"{path} lacks {', '.join(missing)}")
    needed = {name: str(values[name]) for name in _NEEDED}
    needed["http_url"] = needed["http_url"].rstrip("/")
    return Credentials(**needed, rsa_private_key_pem=str(values.get("rsa_private_key_pem") or ""))

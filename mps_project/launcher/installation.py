"""Files that an installation keeps in its data directory: the lock, generated secrets, `demo.json`."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from pathlib import Path
from typing import IO, Any

from cryptography.fernet import Fernet


class InstallationError(Exception):
    """The data directory cannot be used by this run. The message is one line."""


def lock(directory: Path) -> IO[str]:
    """Take the data directory for this process; the lock is held while the returned file is open.

    Raises:
        InstallationError: Another process has it; the message names its id.
        OSError: The directory cannot be made or written to.
    """
    directory.mkdir(parents=True, exist_ok=True)
    file = (directory / "lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise InstallationError(f"another instance is running on {directory} (process {holder})") from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def generated_secrets(directory: Path) -> dict[str, str]:
    """Return the secrets generated for this installation: kept across runs, readable by the owner alone.

    Raises:
        InstallationError: They are gone, and there is data that cannot be read without them.
    """
    path = directory / "secrets.json"
    kept = read_json(path)
    if not kept and (directory / "postgres").exists():
        raise InstallationError(f"{path} is missing and {directory}/postgres cannot be read without it: restore it")
    complete = {
        "MPS_SECRET_KEY": secrets.token_urlsafe(48),
        "MPS_FIELD_KEYS": Fernet.generate_key().decode(),
        "postgres_password": secrets.token_urlsafe(24),
        "valkey_password": secrets.token_urlsafe(24),
    } | kept
    if complete != kept:
        write_private_json(path, complete)
    return complete


def read_json(path: Path) -> dict[str, str]:
    """Return the object a file holds, an empty one where there is no file.

    Raises:
        InstallationError: The file holds something else.
    """
    try:
        content: Any = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise InstallationError(f"{path} is damaged: it holds no JSON object")
    return content


def write_private_json(path: Path, content: dict[str, str]) -> None:
    """Write an object as a whole or not at all, readable by the owner alone (mode 0600)."""
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(descriptor)
    temporary.replace(path)

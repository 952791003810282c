"""The system user that PostgreSQL runs as under root: PostgreSQL refuses to run as root itself."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
from pathlib import Path

from mps_project.launcher.engines.errors import EngineError

SYSTEM_USER = "embedded_postgres"


def group_of(user: str | None) -> int | None:
    """Return the id of the user's own group, None for no user."""
    return pwd.getpwnam(user).pw_gid if user else None


def ensure_user(name: str) -> None:
    """Make the system user if there is none of that name. Raises `EngineError` where that fails."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        result = subprocess.run(
            ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            raise EngineError(
                f"PostgreSQL cannot run as root and user {name} cannot be made: set DATABASE_URL"
            ) from None


def allow_traversal(*paths: Path) -> None:
    """Let other users reach paths below root's directories: add search permission where it is missing, no more."""
    paths[0].parent.mkdir(parents=True, exist_ok=True)
    for path in paths:
        for parent in path.parents:
            mode = parent.stat().st_mode
            if not mode & stat.S_IXOTH:
                parent.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def change_owner(path: Path, user: str | None) -> None:
    """Let the system user own the path; None: the owner stays."""
    if user:
        owner = pwd.getpwnam(user)
        os.chown(path, owner.pw_uid, owner.pw_gid)

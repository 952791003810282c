"""Access keys of the RPC API and the workspaces they give access to, cached for a second.

A key, app or workspace that is disabled, deleted or no longer granted is therefore refused within `REMEMBER_SECONDS`
by every process. Only what is allowed is remembered: what is granted anew works with the next call.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import F, Q

from pushcore.models import AccessKey, Workspace
from pushcore.storage import clock

REMEMBER_SECONDS = 1.0
# A bound for the day somebody has very many keys: all are then asked for again.
MAX_REMEMBERED = 10_000
# The last use of a key is kept to the minute: one write a minute, not one a call.
_LAST_USE_EXACT_TO = timedelta(minutes=1)


@dataclass(slots=True)
class KnownKey:
    """An enabled access key as it was read.

    Attributes:
        key_id: The primary key.
        app_id: The primary key of its app.
        expires_at: When it has to be read again, by the monotonic clock.
        workspaces: Those it was used for since, by app ID and workspace ID.
    """

    key_id: int
    app_id: int
    access_key_id: str
    secret: str
    last_used_at: datetime | None
    expires_at: float
    workspaces: dict[tuple[str, str], Workspace] = field(default_factory=dict)


class InactiveKeyError(Exception):
    """The access key is disabled."""


_remembered: dict[str, KnownKey] = {}


def known_key(access_key_id: str) -> KnownKey | None:
    """Return the enabled access key of an ID; None where there is none. Raises `InactiveKeyError`."""
    known = _remembered.get(access_key_id)
    if known is not None and time.monotonic() < known.expires_at:
        return known
    expires_at = time.monotonic() + REMEMBER_SECONDS
    _remembered.pop(access_key_id, None)
    key = None if "\0" in access_key_id else AccessKey.objects.filter(access_key_id=access_key_id[:65]).first()
    if key is None:
        return None
    if not key.enabled:
        raise InactiveKeyError
    if len(_remembered) >= MAX_REMEMBERED:
        _remembered.clear()
    known = _remembered[access_key_id] = KnownKey(
        key.pk, key.app_id, key.access_key_id, key.secret, key.last_used_at, expires_at
    )
    return known


def workspace_of(key: KnownKey, app_id: str, workspace_id: str) -> Workspace | None:
    """Return the workspace, with its app, if the key gives access to it and both are enabled."""
    workspace = key.workspaces.get((app_id, workspace_id))
    if workspace is None and "\0" not in app_id + workspace_id:
        granted = Workspace.objects.select_related("app").filter(
            app__app_id=app_id,
            workspace_id=workspace_id,
            app__enabled=True,
            enabled=True,
            access_keys=key.key_id,
        )
        workspace = granted.filter(app_id=F("access_keys__app_id")).first()
        if workspace is not None:
            key.workspaces[app_id, workspace_id] = workspace
    return workspace


def note_use(key: KnownKey) -> None:
    """Store when the key was last used, to the minute."""
    now, before = clock.now(), key.last_used_at
    if before is None or now - before > _LAST_USE_EXACT_TO:
        AccessKey.objects.filter(Q(last_used_at=before) | Q(last_used_at__isnull=True), pk=key.key_id).update(
            last_used_at=now
        )
        key.last_used_at = now

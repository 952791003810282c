"""Decide whether a device may bind a user to itself.

A client that may claim any user id receives that user's messages. So a workspace lets only its backend bind (`server`),
or requires a bind token that its backend signed at login (`signed`, the default), or trusts the client (`open`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jwt

from pushcore.codes.results import ResultCode, ResultError
from pushcore.models import AccessKey, Device, Workspace
from pushcore.storage import clock

MAX_TOKEN_LENGTH = 4096
MAX_LIFETIME_SECONDS = 600
LEEWAY_SECONDS = 5
_MAX_KEYS = 20
# Times are checked here by the database's clock; the package would use this host's.
_OPTIONS: jwt.types.Options = {
    "require": ["exp", "userId", "adToken"],
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}


def check_client_may_bind(device: Device, user_id: str, bind_token: str) -> None:
    """Refuse a bind that the workspace's client-bind mode does not allow.

    Raises:
        ResultError: INVALID_PARAM in mode `server`; SIGNATURE_MISMATCH for a bad token in mode `signed`.
    """
    mode = device.workspace.client_bind
    if mode == Workspace.ClientBind.OPEN:
        return
    if mode == Workspace.ClientBind.SERVER:
        raise ResultError(ResultCode.INVALID_PARAM, "this workspace binds users from its backend only (PushBind)")
    if not _proves_login(device, user_id, bind_token):
        raise ResultError(ResultCode.SIGNATURE_MISMATCH, "bindToken does not prove that this user is logged in here")


def _proves_login(device: Device, user_id: str, bind_token: str) -> bool:
    """Tell whether `bind_token` is a JWT (HS256) for user and device, signed with one of the workspace's access keys.

    Claims: `userId`, `adToken`, `exp` at most 10 minutes ahead; the header's `kid` may name the AccessKey ID.
    """
    if not bind_token or len(bind_token) > MAX_TOKEN_LENGTH:
        return False
    try:
        access_key_id = jwt.get_unverified_header(bind_token).get("kid")
    except jwt.InvalidTokenError:
        return False
    keys = AccessKey.objects.filter(enabled=True, app_id=device.workspace.app_id, workspaces=device.workspace_id)
    if isinstance(access_key_id, str):
        keys = keys.filter(access_key_id=access_key_id)
    return any(_is_signed_with(key.secret, device, user_id, bind_token) for key in keys[:_MAX_KEYS])


def _is_signed_with(secret: str, device: Device, user_id: str, bind_token: str) -> bool:
    try:
        claims = jwt.decode(bind_token, secret, algorithms=["HS256"], options=_OPTIONS)
    except jwt.InvalidTokenError:
        return False
    return claims["userId"] == user_id and claims["adToken"] == device.ad_token and _is_valid_now(claims)


def _is_valid_now(claims: Mapping[str, Any]) -> bool:
    """Tell whether the token is valid now, by the database's clock, and not for too long."""
    now = clock.time()
    try:
        left, since = float(claims["exp"]) - now, now - float(claims.get("nbf", 0))
    except (TypeError, ValueError, OverflowError):
        return False
    return -LEEWAY_SECONDS < left <= MAX_LIFETIME_SECONDS + LEEWAY_SECONDS and since > -LEEWAY_SECONDS

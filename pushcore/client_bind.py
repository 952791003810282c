"""Who may bind a user to a device from the device itself.

A client that may claim any user id gets that user's messages. So a workspace lets only its backend bind (`server`),
or asks the client for a bind token its backend signed at login (`signed`, the default), or trusts it (`open`).
"""

from __future__ import annotations

import time

import jwt

from pushcore.codes.results import ResultCode, ResultError
from pushcore.models import AccessKey, Device, Workspace

MAX_TOKEN_LENGTH = 4096
MAX_LIFETIME_SECONDS = 600
_MAX_KEYS = 20


def check_client_may_bind(device: Device, user_id: str, bind_token: str) -> None:
    """Raises `ResultError`: INVALID_PARAM in mode `server`, SIGNATURE_MISMATCH for a bad token in mode `signed`."""
    mode = device.workspace.client_bind
    if mode == Workspace.ClientBind.OPEN:
        return
    if mode == Workspace.ClientBind.SERVER:
        raise ResultError(ResultCode.INVALID_PARAM, "this workspace binds users from its backend only (PushBind)")
    if not _token_fits(device, user_id, bind_token):
        raise ResultError(ResultCode.SIGNATURE_MISMATCH, "bindToken does not prove that this user is logged in here")


def _token_fits(device: Device, user_id: str, bind_token: str) -> bool:
    """Whether `bind_token` is a JWT (HS256) for this user and device, signed with one of the workspace's access keys.

    Claims: `userId`, `adToken`, `exp` at most 10 minutes ahead; the header's `kid` may name the AccessKey ID.
    """
    if not bind_token or len(bind_token) > MAX_TOKEN_LENGTH:
        return False
    try:
        named = jwt.get_unverified_header(bind_token).get("kid")
    except jwt.InvalidTokenError:
        return False
    keys = AccessKey.objects.filter(enabled=True, app_id=device.workspace.app_id, workspaces=device.workspace_id)
    if isinstance(named, str):
        keys = keys.filter(access_key_id=named)
    return any(_fits_key(key.secret, device, user_id, bind_token) for key in keys[:_MAX_KEYS])


def _fits_key(secret: str, device: Device, user_id: str, bind_token: str) -> bool:
    try:
        claims = jwt.decode(
            bind_token, secret, algorithms=["HS256"], leeway=5, options={"require": ["exp", "userId", "adToken"]}
        )
    except jwt.InvalidTokenError:
        return False
    return (
        claims["userId"] == user_id
        and claims["adToken"] == device.ad_token
        and float(claims["exp"]) - time.time() <= MAX_LIFETIME_SECONDS + 5
    )

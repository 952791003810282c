"""The demo app of a fresh installation: everything a newcomer needs for a first push."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from django.contrib.auth import get_user_model
from django.db import transaction

from pushcore.models import AccessKey, App, RsaKey, Workspace
from pushcore.security import crypto, keys

APP_ID = "ONEX570DA89211721"
WORKSPACE_ID = "test"
USERNAME = "admin"


def ensure_demo(kept: Mapping[str, str] | None = None, *, open_binding: bool = True) -> dict[str, str]:
    """Make the demo app, or mend it.

    Args:
        kept: What an earlier run wrote into `demo.json`. Its secrets stay; what it lacks, or what no longer fits the
            database, is made anew.
        open_binding: Whether devices may bind any user without proof, so that a first try needs no backend. False
            closes a demo that was open; it stays closed until somebody opens it.

    Returns:
        What `demo.json` says, less the URLs.
    """
    kept = kept or {}
    with transaction.atomic():
        app, _ = App.objects.get_or_create(app_id=APP_ID, defaults={"name": "Demo"})
        workspace, _ = Workspace.objects.get_or_create(
            app=app,
            workspace_id=WORKSPACE_ID,
            # The plain form, so that the source document's samples run as printed.
            defaults={"name": "Demo", "client_bind": Workspace.ClientBind.OPEN, "replay_protection": False},
        )
        if not open_binding and workspace.client_bind == Workspace.ClientBind.OPEN:
            workspace.client_bind = Workspace.ClientBind.SIGNED
            workspace.save(update_fields=["client_bind"])
        access_key_id, access_key_secret = _access_key(app, workspace, kept)
        return {
            "app_id": APP_ID,
            "workspace_id": WORKSPACE_ID,
            "access_key_id": access_key_id,
            "access_key_secret": access_key_secret,
            "rsa_private_key_pem": _rsa_key(workspace, kept),
            "client_key": workspace.client_key,
            "username": USERNAME,
            "password": _operator(kept),
        }


def _access_key(app: App, workspace: Workspace, kept: Mapping[str, str]) -> tuple[str, str]:
    known = AccessKey.objects.filter(access_key_id=kept.get("access_key_id", ""), app=app).first()
    if known is not None and "access_key_secret" in kept:
        return known.access_key_id, kept["access_key_secret"]
    key, secret = keys.create_access_key(app, [workspace], name="Demo")
    return key.access_key_id, secret


def _rsa_key(workspace: Workspace, kept: Mapping[str, str]) -> str:
    private = kept.get("rsa_private_key_pem")
    has_key = RsaKey.objects.filter(workspace=workspace, purpose=RsaKey.Purpose.API).exists()
    if private and has_key:
        return private
    private, public = crypto.new_rsa_key()
    keys.add_api_key(workspace, public)
    return private


def _operator(kept: Mapping[str, str]) -> str:
    users = get_user_model().objects
    operator = users.filter(username=USERNAME).first()
    if operator is not None and kept.get("password"):
        return kept["password"]
    password = secrets.token_urlsafe(12)
    if operator is None:
        users.create_superuser(USERNAME, password=password)
    else:
        operator.set_password(password)
        operator.save(update_fields=["password"])
    return password

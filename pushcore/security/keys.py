"""Create keys: access keys, client keys, and the RSA keys of the REST API and of receipts."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.db.models import Q

from pushcore.models import AccessKey, App, RsaKey, Workspace
from pushcore.security import crypto
from pushcore.storage import clock


def create_access_key(app: App, workspaces: Iterable[Workspace], name: str = "") -> tuple[AccessKey, str]:
    """Create an access key for workspaces of an app; return it with its secret, which is never shown again."""
    secret = crypto.new_secret()
    key = AccessKey.objects.create(
        access_key_id=f"MPS{secrets.token_hex(10).upper()}", secret_sealed=crypto.encrypt(secret), app=app, name=name
    )
    key.workspaces.set(workspaces)
    return key, secret


def add_api_key(workspace: Workspace, public_pem: str) -> RsaKey:
    """Accept a backend's public key for the REST API.

    Raises:
        ValueError: It is no RSA key of 2048 bits or more.
    """
    normal = crypto.public_pem_of(crypto.load_rsa_public_key(public_pem))
    return RsaKey.objects.create(workspace=workspace, purpose=RsaKey.Purpose.API, public_pem=normal)


def callback_key(workspace: Workspace) -> RsaKey:
    """Return the newest active key that signs the workspace's receipts; create it on first use."""
    mine = RsaKey.objects.filter(workspace=workspace, purpose=RsaKey.Purpose.CALLBACK, active=True)
    key = mine.order_by("-created_at").first()
    if key is not None:
        return key
    # The workspace's row serialises concurrent first uses.
    with transaction.atomic():
        Workspace.objects.select_for_update().get(pk=workspace.pk)
        key = mine.order_by("-created_at").first()
        if key is not None:
            return key
        private, public = crypto.new_rsa_key()
        return RsaKey.objects.create(
            workspace=workspace,
            purpose=RsaKey.Purpose.CALLBACK,
            public_pem=public,
            private_sealed=crypto.encrypt(private),
        )


# The use of a former client key is written at most once in this time, however many devices register.
_USE_IS_NOTED_EVERY = timedelta(hours=1)


def rotate_client_key(workspace: Workspace) -> None:
    """Create a new client key. The present one stays valid as the former one; the one before it ends."""
    with transaction.atomic():
        locked = Workspace.objects.select_for_update().get(pk=workspace.pk)
        locked.former_client_key, locked.client_key = locked.client_key, crypto.new_secret()
        locked.former_client_key_used_at = None
        locked.save(update_fields=["client_key", "former_client_key", "former_client_key_used_at"])


def end_former_client_key(workspace: Workspace) -> None:
    """End the former client key: no device registers with it any more, registered ones stay."""
    Workspace.objects.filter(pk=workspace.pk).update(former_client_key="", former_client_key_used_at=None)


def note_former_client_keys(workspace_ids: Iterable[int]) -> None:
    """Note that devices of the workspaces just registered with the former key."""
    now = clock.now()
    stale = Q(former_client_key_used_at=None) | Q(former_client_key_used_at__lt=now - _USE_IS_NOTED_EVERY)
    Workspace.objects.filter(stale, pk__in=set(workspace_ids)).update(former_client_key_used_at=now)

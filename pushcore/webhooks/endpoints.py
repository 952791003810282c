"""Endpoints: create and change them, rotate their secrets, disable those that accept nothing for days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.utils.translation import gettext_noop

from pushcore.callbacks.post_queue import Attempt
from pushcore.models import WebhookEndpoint, Workspace
from pushcore.security import crypto
from pushcore.security import endpoints as addresses
from pushcore.storage import clock
from pushcore.storage.sql import statements
from pushcore.webhooks import event_types, signing

_SQL = statements(__file__)

MAX_ENDPOINTS = 10
MAX_BATCH = 100
# How long the former secret signs beside the new one.
ROTATION = timedelta(hours=24)
# An endpoint that has accepted nothing for so long is disabled, once an event to it is given up.
DEAD_AFTER = timedelta(days=5)
GONE = 410
TOO_MANY = gettext_noop("A workspace has at most 10 webhook endpoints.")
NO_EVENTS = gettext_noop("Choose at least one event.")
UNKNOWN_EVENT = gettext_noop("There is no such event.")
BATCH_RANGE = gettext_noop("A batch has 1 to 100 events.")


def problem(endpoint: WebhookEndpoint) -> tuple[str, str]:
    """Return the field that is wrong and why, as a sentence; both empty if nothing is."""
    known = set(event_types.NAMES)
    checks = (
        ("url", addresses.problem(endpoint.url) if len(endpoint.url) <= 1000 else addresses.NO_URL),
        ("event_types", "" if endpoint.event_types else NO_EVENTS),
        ("event_types", "" if known.issuperset(endpoint.event_types) else UNKNOWN_EVENT),
        ("batch_size", "" if 1 <= endpoint.batch_size <= MAX_BATCH else BATCH_RANGE),
    )
    return next(((name, found) for name, found in checks if found), ("", ""))


def create(endpoint: WebhookEndpoint) -> str:
    """Insert an endpoint.

    Returns:
        Its secret in plain text, which is not shown again.

    Raises:
        ValidationError: The workspace has `MAX_ENDPOINTS`.
    """
    secret = signing.new_secret()
    with transaction.atomic():
        workspace = _locked(endpoint.workspace_id)
        if WebhookEndpoint.objects.filter(workspace=workspace).count() >= MAX_ENDPOINTS:
            raise ValidationError(TOO_MANY)
        endpoint.secret_sealed = crypto.encrypt(secret)
        endpoint.event_types = sorted(set(endpoint.event_types))
        endpoint.save()
        _remember(workspace.pk)
    return secret


def save(endpoint: WebhookEndpoint) -> None:
    """Save changed settings. One that is enabled again starts anew."""
    with transaction.atomic():
        workspace = _locked(endpoint.workspace_id)
        if endpoint.enabled and endpoint.disabled_reason:
            endpoint.disabled_reason, endpoint.disabled_at, endpoint.failing_since = "", None, None
        endpoint.event_types = sorted(set(endpoint.event_types))
        # Not the secrets and what attempts say of it: others may write these meanwhile.
        fields = ["url", "description", "event_types", "batch_size", "enabled"]
        if endpoint.enabled:
            fields += ["disabled_reason", "disabled_at"]
        if endpoint.failing_since is None:
            fields.append("failing_since")
        endpoint.save(update_fields=fields)
        _remember(workspace.pk)


def delete(endpoint: WebhookEndpoint) -> None:
    """Delete an endpoint. Its events stay until their retention is over and are posted nowhere."""
    with transaction.atomic():
        workspace = _locked(endpoint.workspace_id)
        WebhookEndpoint.objects.filter(pk=endpoint.pk).delete()
        _remember(workspace.pk)


def rotate(endpoint: WebhookEndpoint) -> str:
    """Replace the secret; the former one signs too for `ROTATION`. Returns the new one in plain text."""
    secret = signing.new_secret()
    with transaction.atomic():
        row = WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk)
        row.former_secret_sealed, row.former_until = row.secret_sealed, clock.now() + ROTATION
        row.secret_sealed = crypto.encrypt(secret)
        row.save(update_fields=["secret_sealed", "former_secret_sealed", "former_until"])
    return secret


def end_former_secret(endpoint: WebhookEndpoint) -> None:
    """Have the former secret sign no more."""
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(former_secret_sealed="", former_until=None)


def host(endpoint: WebhookEndpoint) -> str:
    """Return the host that events go to, for lists: the rest of a URL may be secret."""
    return urlsplit(endpoint.url).hostname or ""


def note_attempts(cursor: CursorWrapper, attempts: Sequence[Attempt]) -> None:
    """Note since when endpoints accept nothing, and disable one that says it is gone. Writes only what changes."""
    accepted = {one.post.endpoint_id for one in attempts if one.result.accepted}
    refused = {one.post.endpoint_id for one in attempts} - accepted
    gone = {one.post.endpoint_id for one in attempts if one.result.status == GONE}
    cursor.execute(
        _SQL["note"], {"accepted": sorted(accepted), "refused": sorted(refused), "now": min(one.at for one in attempts)}
    )
    if gone:
        _disable(sorted(gone), WebhookEndpoint.Disabled.GONE)


def without_posts() -> list[int]:
    """Find the endpoints that have events due but are disabled or deleted."""
    with connection.cursor() as cursor:
        cursor.execute(_SQL["without_posts"])
        return [endpoint_id for (endpoint_id,) in cursor.fetchall()]


def disable_dead() -> list[int]:
    """Disable the endpoints that have accepted nothing for `DEAD_AFTER`, and to which an event was given up lately."""
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(_SQL["dead"], {"since": now - DEAD_AFTER, "lately": now - timedelta(hours=1)})
        dead = [endpoint_id for (endpoint_id,) in cursor.fetchall()]
    _disable(dead, WebhookEndpoint.Disabled.FAILING)
    return dead


def _disable(endpoint_ids: Sequence[int], reason: str) -> None:
    if not endpoint_ids:
        return
    with transaction.atomic():
        found = list(WebhookEndpoint.objects.filter(pk__in=endpoint_ids).values_list("workspace_id", flat=True))
        for workspace_id in sorted(set(found)):
            _locked(workspace_id)
        WebhookEndpoint.objects.filter(pk__in=endpoint_ids, enabled=True).update(
            enabled=False, disabled_reason=reason, disabled_at=clock.now()
        )
        for workspace_id in set(found):
            _remember(workspace_id)


def _locked(workspace_id: int) -> Workspace:
    """Lock the workspace's row: its endpoints change one after the other."""
    return Workspace.objects.select_for_update(no_key=True).only("pk").get(pk=workspace_id)


def _remember(workspace_id: int) -> None:
    """Keep with the workspace what its enabled endpoints want."""
    lists = WebhookEndpoint.objects.filter(workspace=workspace_id, enabled=True).values_list("event_types", flat=True)
    Workspace.objects.filter(pk=workspace_id).update(webhook_events=sorted({name for names in lists for name in names}))

"""The queue of receipts: one endpoint a workspace, its callback URL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import structlog
from cryptography.fernet import InvalidToken
from django.db import models
from django.db.backends.utils import CursorWrapper
from prometheus_client import Counter

from pushcore.callbacks.post_queue import Attempt, Endpoint, PostQueue, QueuedPost, QueueTable
from pushcore.callbacks.signing import signed_request
from pushcore.callbacks.webhook_client import WebhookRequest
from pushcore.models import ReceiptAttempt, Workspace
from pushcore.security import keys

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CallbackEndpoint(Endpoint):
    """A workspace's callback URL. Without a key receipts cannot be signed."""

    url: str
    private_pem: str
    batch_size: int = 1

    def request(self, posts: Sequence[QueuedPost]) -> WebhookRequest:
        """Return the signed request that carries one receipt."""
        [post] = posts
        return signed_request(self.url, post.body, self.private_pem)


class ReceiptQueue(PostQueue):
    """Receipts, by workspace."""

    table = QueueTable(
        name="pushcore_receipt",
        key="message_id",
        endpoint="workspace_id",
        leased="r.id, r.workspace_id, '', r.body, r.attempt_count, r.created_at",
    )
    attempt_model: ClassVar[type[models.Model]] = ReceiptAttempt
    attempt_of = "receipt_id"
    counter = Counter("mps_receipt_attempts_total", "Receipts posted to callback URLs, by result.", ["result"])

    def endpoints(self, endpoint_ids: Collection[int]) -> Mapping[int, Endpoint]:
        """Read the callback URLs and signing keys of workspaces."""
        return {
            workspace.pk: CallbackEndpoint(workspace.callback_url, _private_pem(workspace))
            for workspace in Workspace.objects.filter(pk__in=endpoint_ids)
        }

    def on_recorded(self, cursor: CursorWrapper, attempts: Sequence[Attempt]) -> None:
        """Do nothing more: a callback URL is switched off by hand only."""


def _private_pem(workspace: Workspace) -> str:
    """Return the key that signs, empty where it cannot be decrypted."""
    try:
        return keys.callback_key(workspace).private_pem
    except InvalidToken:
        log.error("callback key cannot be decrypted", workspace=workspace.pk)
        return ""


QUEUE = ReceiptQueue()

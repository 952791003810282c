"""Fixtures for uploads. No broker runs: tests load files themselves."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import pytest

from pushcore.file_push import blocks, upload
from pushcore.loading import wake
from pushcore.models import PushTask, Workspace
from pushcore.push import templates
from pushcore.push.requests import FilePush
from pushcore.push.templates import TemplateDraft
from tests.pushcore.file_push.files import Send


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake, "wake_task", lambda *_: True)


@pytest.fixture
def upload_file(transactional_db: None, workspace: Workspace) -> Send:
    """Upload a file; further arguments override the request's fields."""
    templates.create(workspace, TemplateDraft("hello", "d", "Hello #name#", "Body"))

    def send(data: bytes | str, **changes: Any) -> PushTask:
        raw = data.encode() if isinstance(data, str) else data
        fields: dict[str, Any] = {
            "delivery_type": 3, "expired_seconds": 300, "template_name": "hello",
            "sha256": hashlib.sha256(raw).hexdigest(),
        }  # fmt: skip
        request = FilePush(**(fields | changes))
        return upload.receive(workspace, request, io.BytesIO(raw).read, source=PushTask.Source.REST, author="test")

    return send


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make blocks of some twenty records, and chunks of two blocks."""
    monkeypatch.setattr(blocks, "BLOCK", 512)
    monkeypatch.setattr(blocks, "CHUNK", 1000)

"""Fixtures of webhooks: endpoints of a backend that verifies what it gets with the published library."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pytest_django import Settings
from standardwebhooks import Webhook

from pushcore.models import WebhookEndpoint, Workspace
from pushcore.webhooks import endpoints, event_types
from tests.support.serving import serving


class Backend(ThreadingHTTPServer):
    """A backend's endpoint. `answers` holds the statuses of the next requests; afterwards it answers 204."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hooks?of=shop"

    def events(self, secret: str) -> list[dict[str, Any]]:
        """Return the payloads that came, each verified."""
        return [self.verified(number, secret) for number in range(len(self.requests))]

    def verified(self, number: int, secret: str) -> dict[str, Any]:
        headers, body = self.requests[number]
        payload: dict[str, Any] = Webhook(secret).verify(body, headers)
        assert payload == json.loads(body)
        return payload


class _Handler(BaseHTTPRequestHandler):
    server: Backend
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 204)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Requests are asserted on, not printed."""


@pytest.fixture
def backend(settings: Settings) -> Iterator[Backend]:
    settings.RECEIPT_ALLOW_PRIVATE = True
    with serving(Backend()) as server:
        yield server


Subscribe = Callable[..., tuple[WebhookEndpoint, str]]


@pytest.fixture
def subscribe(workspace: Workspace) -> Subscribe:
    """Create an endpoint; return it with its secret. All events by default."""

    def make(url: str = "https://backend.example/hooks", *types: str, **fields: Any) -> tuple[WebhookEndpoint, str]:
        endpoint = WebhookEndpoint(workspace=workspace, url=url, event_types=list(types or event_types.NAMES), **fields)
        secret = endpoints.create(endpoint)
        workspace.refresh_from_db()
        return endpoint, secret

    return make

"""Fixtures of message categories: a clock that stands still until it is told otherwise."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from pushcore.models import MessageCategory, Workspace
from pushcore.storage import clock


class Clock:
    """The database's clock as processes read it, which a test moves. Statements that say now() keep the real one."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def pass_by(self, **length: float) -> None:
        self.at += timedelta(**length)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Hold the clock at the present moment, to the second."""
    held = Clock(datetime.fromtimestamp(int(clock.time()), UTC))
    monkeypatch.setattr(clock, "now", lambda: held.at)
    return held


@pytest.fixture
def category(workspace: Workspace) -> Callable[..., MessageCategory]:
    """Make a category of the workspace: its name, and its rules."""

    def make(name: str = "offers", **rules: object) -> MessageCategory:
        return MessageCategory.objects.create(workspace=workspace, name=name, **rules)

    return make

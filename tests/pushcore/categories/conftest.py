"""Fixtures of message categories."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pushcore.models import MessageCategory, Workspace


@pytest.fixture
def category(workspace: Workspace) -> Callable[..., MessageCategory]:
    """Make a category of the workspace: its name, and its rules."""

    def make(name: str = "offers", **rules: object) -> MessageCategory:
        return MessageCategory.objects.create(workspace=workspace, name=name, **rules)

    return make

"""A delivery rule for tests: a workspace that has quiet hours now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pushcore.delivery import deliverable
from pushcore.models import Workspace


@contextmanager
def quiet_hours(workspace: Workspace) -> Iterator[None]:
    """Hold back all messages of the workspace inside the `with`."""
    rule = deliverable.DeliveryRule(
        message=f"m.workspace_id <> {workspace.pk}",
        task=f"t.workspace_id <> {workspace.pk}",
        loaded=lambda messages, _now: [message for message in messages if message.workspace_id != workspace.pk],
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deliverable, "RULES", (*deliverable.RULES, rule))
        yield

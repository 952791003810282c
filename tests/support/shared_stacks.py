"""Services that many tests share: each is stopped after the last test of its group, not at the end of the run.

Idle, one takes a sixteenth of a core from the tests that follow.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.stack import Stack

_running: dict[str, Stack] = {}


@contextmanager
def shared(group: str, stack: Stack) -> Iterator[Stack]:
    """Start a service for the tests marked `xdist_group(group)`."""
    with stack as running:
        _running[group] = running
        try:
            yield running
        finally:
            _running.pop(group, None)


def stop_idle(following: pytest.Item | None) -> None:
    """Stop the services of other groups than that of the following test.

    A worker of a parallel run gets all tests of a group in one piece. Otherwise a group may come again.
    """
    if following is None or "PYTEST_XDIST_WORKER" not in os.environ:
        return
    mark = following.get_closest_marker("xdist_group")
    needed = mark.args[0] if mark and mark.args else None
    for group in [group for group in _running if group != needed]:
        _running.pop(group).stop()

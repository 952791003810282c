"""Two client keys: one is rotated while released apps still carry the other."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from mqtt5 import ConnAckReasonCode

from gateway.node.admission import Credentials, admit
from pushcore.models import Device, Workspace
from pushcore.security import keys

OK, WRONG = ConnAckReasonCode.SUCCESS, ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD


@pytest.fixture
def both(workspace: Workspace) -> tuple[str, str]:
    """The present key and the former."""
    keys.rotate_client_key(workspace)
    workspace.refresh_from_db()
    return workspace.client_key, workspace.former_client_key


def verdicts(username: str, *given: str) -> list[ConnAckReasonCode]:
    return [one.code for one in admit([Credentials("", username, key, {}) for key in given])]


def test_apps_with_either_key_register(username: str, both: tuple[str, str]) -> None:
    assert verdicts(username, *both, "") == [OK, OK, WRONG]
    assert Device.objects.count() == 2


def test_a_key_older_than_the_former_one_is_refused(workspace: Workspace, username: str, both: tuple[str, str]) -> None:
    keys.rotate_client_key(workspace)
    present, oldest = both
    workspace.refresh_from_db()
    assert verdicts(username, workspace.client_key, present, oldest) == [OK, OK, WRONG]


def test_a_former_key_that_was_ended_registers_nobody(
    workspace: Workspace, username: str, both: tuple[str, str]
) -> None:
    keys.end_former_client_key(workspace)
    assert verdicts(username, *both, "") == [OK, WRONG, WRONG]


def test_a_workspace_that_never_rotated_takes_no_empty_key(username: str, workspace: Workspace) -> None:
    assert verdicts(username, "", workspace.client_key) == [WRONG, OK]


def test_the_use_of_the_former_key_is_noted_once_an_hour(
    workspace: Workspace, username: str, both: tuple[str, str]
) -> None:
    verdicts(username, both[0])
    workspace.refresh_from_db()
    assert workspace.former_client_key_used_at is None
    verdicts(username, both[1], both[1])
    workspace.refresh_from_db()
    noted = workspace.former_client_key_used_at
    assert noted is not None
    verdicts(username, both[1])
    workspace.refresh_from_db()
    assert workspace.former_client_key_used_at == noted  # written once an hour
    Workspace.objects.update(former_client_key_used_at=timezone.now() - timedelta(hours=2))
    verdicts(username, both[1])
    workspace.refresh_from_db()
    assert workspace.former_client_key_used_at is not None
    assert workspace.former_client_key_used_at >= noted

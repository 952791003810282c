"""Access keys that may not push to the workspace under test."""

from __future__ import annotations

import pytest

from pushcore.models import AccessKey, App, Workspace
from pushcore.security import crypto


@pytest.fixture(autouse=True)
def _other_keys(app: App, workspace: Workspace) -> None:
    """Create a disabled key of the app, and a key of another app for a workspace of the same name."""
    other = App.objects.create(app_id="OTHER", name="Other")
    elsewhere = Workspace.objects.create(app=other, workspace_id="test")
    for owner, granted, name, enabled in ((app, workspace, "disabled", False), (other, elsewhere, "stranger", True)):
        key = AccessKey.objects.create(
            access_key_id=name.upper(), secret_sealed=crypto.encrypt(name), app=owner, enabled=enabled
        )
        key.workspaces.set([granted])

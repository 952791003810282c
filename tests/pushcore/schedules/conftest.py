"""A template for scheduled pushes."""

from __future__ import annotations

import pytest

from pushcore.models import Template, Workspace
from pushcore.push import templates
from pushcore.push.templates import TemplateDraft


@pytest.fixture
def template(workspace: Workspace) -> Template:
    return templates.create(workspace, TemplateDraft("hello", "d", "Hello #name#", "Body"))

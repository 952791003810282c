"""Templates: operators make them, the service's limits are shown at the form, and none is edited."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.text import capfirst

from pushcore.codes.results import ResultCode
from pushcore.models import Template, Workspace

ADD = "admin:pushcore_template_add"


@pytest.fixture
def form(workspace: Workspace) -> dict[str, Any]:
    return {
        "workspace": workspace.pk, "name": "winner", "description": "a prize", "title": "Hello #name#", "body": "Body",
        "style": 0, "action": 0, "uri": "", "icon": "{}", "image": "{}",
    }  # fmt: skip


def test_an_operator_makes_a_template_and_deletes_it(member: Callable[[str], Client], form: dict[str, Any]) -> None:
    operator = member("operator")
    assert operator.post(reverse(ADD), form).status_code == 302
    template = Template.objects.get()
    assert (template.name, template.title) == ("winner", "Hello #name#")
    page = operator.get(reverse("admin:pushcore_template_changelist")).content.decode()
    assert "winner" in page
    shown = operator.get(reverse("admin:pushcore_template_change", args=[template.pk]))
    assert shown.status_code == 200
    assert operator.post(reverse("admin:pushcore_template_change", args=[template.pk]), form).status_code == 403
    operator.post(reverse("admin:pushcore_template_delete", args=[template.pk]), {"post": "yes"})
    assert not Template.objects.exists()


def test_a_viewer_makes_none(member: Callable[[str], Client], form: dict[str, Any]) -> None:
    assert member("viewer").post(reverse(ADD), form).status_code == 403
    assert not Template.objects.exists()


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"name": "no hyphen-s"}, ResultCode.TEMPLATE_NAME_INVALID),
        ({"icon": '{"default": "' + "x" * 5000 + '"}'}, ResultCode.MSG_PAYLOAD_TOO_LONG),
    ],
)
def test_a_limit_is_shown_at_the_form_without_its_code(
    member: Callable[[str], Client], form: dict[str, Any], changes: dict[str, str], refused: ResultCode
) -> None:
    page = member("operator").post(reverse(ADD), form | changes)
    assert page.status_code == 200
    assert capfirst(refused.meaning) in unescape(page.text)
    assert f"code {refused.code}" not in page.text
    assert not Template.objects.exists()


def test_a_name_that_is_taken_is_refused_at_the_form(member: Callable[[str], Client], form: dict[str, Any]) -> None:
    operator = member("operator")
    operator.post(reverse(ADD), form)
    page = operator.post(reverse(ADD), form)
    assert page.status_code == 200
    assert Template.objects.count() == 1


def test_a_template_is_tried_by_the_form_of_a_push(
    member: Callable[[str], Client], workspace: Workspace, form: dict[str, Any]
) -> None:
    operator = member("operator")
    operator.post(reverse(ADD), form)
    page = operator.get(f"/console/pushcore/template/{Template.objects.get().pk}/test-send", follow=True)
    assert page.context["form"]["template"].value() == "winner"
    assert [field.label for field in page.context["form"].placeholders] == ["#name#"]

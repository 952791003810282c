"""Templates: operators make, copy, change and delete them, and the service's limits stand at the form's fields."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from console.models import AuditEntry
from console.pages.create.details import details
from console.pages.create.explanations import explain
from console.pages.create.message_forms import MessageForms
from console.pages.templates.explanations import EXPLANATIONS
from pushcore.codes.results import ResultError
from pushcore.models import FormerVersion, MessageCategory, Template, Workspace
from pushcore.push import pushes, template_versions, templates
from pushcore.push.requests import TemplatePush
from pushcore.push.templates import TemplateDraft
from pushcore.schedules import service
from pushcore.schedules.times import Timed
from tests.console.conftest import BY_TEST, Everything

ADD, LIST = "admin:pushcore_template_add", reverse("admin:pushcore_template_changelist")
ICON = "https://shop.example/i.png"
DRAFT = TemplateDraft("winner", "a prize", "Hello #name#", "Body")
PUSH = TemplatePush(
    delivery_type=3, expired_seconds=600, template_name="winner", target_msgkey={"ann": "k1"}, task_name="Prizes",
    template_key_value={"name": "Ann"},
)  # fmt: skip


@pytest.fixture
def form(workspace: Workspace) -> dict[str, Any]:
    return {
        "workspace": workspace.pk, "name": "winner", "description": "a prize", "title": "Hello #name#", "body": "Body",
        "silent": 0, "style": 0, "action": 0, "url": "",
    }  # fmt: skip


@pytest.fixture
def template(workspace: Workspace) -> Template:
    return templates.create(workspace, DRAFT, author="olga")


def page_of(template: Template, view: str = "change") -> str:
    return reverse(f"admin:pushcore_template_{view}", args=[template.pk])


def test_an_operator_makes_a_template_and_deletes_it(member: Callable[[str], Client], form: dict[str, Any]) -> None:
    operator = member("operator")
    rich = {"style": 2, "icon_defaultUrl": ICON, "image_oppoUrl": ICON}
    assert operator.post(reverse(ADD), form | rich)["Location"] == LIST
    template = Template.objects.get()
    assert (template.name, template.title, template.saved_by) == ("winner", "Hello #name#", "a-operator")
    assert (template.icon, template.image) == ({"defaultUrl": ICON}, {"oppoUrl": ICON})
    entry = AuditEntry.objects.get(object_type="template", action="add")
    assert {"field": "name", "before": "", "after": "winner", "worded": False} in entry.changes
    shown = operator.get(page_of(template))
    assert ICON in shown.text
    assert operator.post(page_of(template), form).status_code == 403
    operator.post(page_of(template, "delete"), {"post": "yes"})
    assert not Template.objects.exists()


def test_a_template_has_the_category_that_was_chosen_and_its_pushes_say_so(
    member: Callable[[str], Client], workspace: Workspace, form: dict[str, Any]
) -> None:
    operator = member("operator")
    assert "message_category" not in operator.get(reverse(ADD)).context["form"].fields
    MessageCategory.objects.create(workspace=workspace, name="offers")
    assert operator.post(reverse(ADD), form | {"message_category": "offers"})["Location"] == LIST
    template = Template.objects.get()
    assert "offers" in operator.get(page_of(template)).text
    edited = operator.get(page_of(template, "edit"))
    assert edited.context["form"]["message_category"].value() == "offers"
    push = MessageForms.submitted("template", workspace, QueryDict(urlencode({
        "template": "winner", "value_0": "Ann", "target_type": "user", "target": "ann", "msgkey": "k",
        "valid_seconds": 60, "sending-when": "now", "parameters-TOTAL_FORMS": 0, "parameters-INITIAL_FORMS": 0,
    })))  # fmt: skip
    assert push.is_valid(), push.push.errors
    assert ("Message category", "offers") in list(details(push.push, push.parameters, push.sending, "template"))
    operator.post(page_of(template, "edit"), form | {"message_category": "", "version": 1})
    template.refresh_from_db()
    assert (template.version, template.message_category) == (2, "")


def test_the_list_has_name_id_content_creation_and_what_can_be_done(
    member: Callable[[str], Client], template: Template
) -> None:
    page = member("operator").get(LIST).text
    for shown in ("winner", "a prize", f">{template.pk}<", "Hello #name#", "Body", f"{template.created_at:%Y-%m-%d}"):
        assert shown in page
    links = [page_of(template, "edit"), f"{reverse(ADD)}?from={template.pk}", page_of(template, "delete")]
    assert all(link in page for link in links)
    shown_to_viewers = member("viewer").get(LIST).text
    assert not any(link in shown_to_viewers for link in links)


def test_a_viewer_sees_a_template_with_its_preview_and_makes_none(
    member: Callable[[str], Client], template: Template, form: dict[str, Any]
) -> None:
    viewer = member("viewer")
    assert viewer.post(reverse(ADD), form | {"name": "other"}).status_code == 403
    assert viewer.get(page_of(template)).status_code == 200
    assert viewer.post(page_of(template, "preview")).json()["title"] == "Hello #name#"
    for view in ("edit", "restore"):
        assert viewer.post(page_of(template, view), form).status_code == 403
    assert Template.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"name": "no hyphen-s"}, "name", "letters A to Z, digits and underscores"),
        ({"title": "#name#id#"}, "title", "share a number sign"),
        ({"body": "x" * 201}, "body", "1 to 200 characters"),
        ({"url": "x" * 2049}, "url", "2,048 characters at most"),
        ({"variables": "a#b"}, "variables", "separated by commas"),
        (
            {"style": 2} | {f"icon_{name}Url": f"{ICON}?{'x' * 1900}" for name in ("default", "oppo", "hms")},
            "__all__",
            "4,096 bytes together",
        ),
    ],
)
def test_a_limit_stands_at_its_field_without_its_code(
    member: Callable[[str], Client], form: dict[str, Any], changes: dict[str, str], field: str, sentence: str
) -> None:
    page = member("operator").post(reverse(ADD), form | changes)
    assert page.status_code == 200
    [told] = page.context["form"].errors[field]
    assert sentence in told
    assert sentence in unescape(page.text)
    assert not re.search(r"code 3\d{3}|TEMPLATE_", page.text)
    assert not Template.objects.exists()


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_no_explanation_names_a_code(language: str) -> None:
    with override(language):
        for (result, parameter), explanation in EXPLANATIONS.items():
            told = explain(ResultError(result, "a detail", parameter=parameter), EXPLANATIONS)
            assert told.field == explanation.field
            assert "{" not in str(told.sentence)
            assert (language == "en") == str(told.sentence).isascii()


def test_a_name_that_is_taken_is_refused_at_its_field(
    member: Callable[[str], Client], form: dict[str, Any], template: Template
) -> None:
    page = member("operator").post(reverse(ADD), form)
    assert "Choose another" in page.context["form"].errors["name"][0]
    assert Template.objects.count() == 1


def test_the_preview_is_that_of_a_push_and_lists_the_placeholders(
    member: Callable[[str], Client], form: dict[str, Any]
) -> None:
    operator, preview = member("operator"), reverse("admin:preview_template")
    made = operator.post(preview, form | {"title": "Hello #name#", "url": "https://shop.example/#order#"}).json()
    assert made["placeholders"] == ["name", "order"]
    assert [one["title"] for one in made["channels"]][:1] == ["Hello #name#"]
    advised = operator.post(preview, form | {"style": 2}).json()["advice"]
    assert [one["field"] for one in advised] == ["icon_defaultUrl"]
    assert operator.post(preview, {}).json()["title"] == ""
    assert operator.post(preview, form | {"variables": "first name", "title": "Hi #first name#"}).json()[
        "placeholders"
    ] == ["first name"]


def test_a_copy_begins_with_everything_but_the_name(
    member: Callable[[str], Client], workspace: Workspace, template: Template
) -> None:
    operator = member("operator")
    source = templates.create(
        workspace,
        replace(
            DRAFT, name="rich", style=2, silent=1, icon={"defaultUrl": ICON, "vivoUrl": ICON}, uri="https://a.example"
        ),
    )
    page = operator.get(page_of(source, "duplicate"), follow=True)
    filled = page.context["form"]
    given = {bound.name: bound.value() for bound in filled if bound.value() is not None}
    assert given["name"] == "rich_copy"
    assert operator.post(reverse(ADD), given | {"from": source.pk})["Location"] == LIST
    made = Template.objects.get(name="rich_copy")
    assert templates.draft_of(made, "") == templates.draft_of(source, "")
    again = operator.get(reverse(ADD), {"from": source.pk}).context["form"]
    assert again["name"].value() == "rich_copy2"


def test_an_edit_is_a_new_version_and_the_former_one_can_be_restored(
    member: Callable[[str], Client], template: Template, form: dict[str, Any]
) -> None:
    operator = member("operator")
    edit = page_of(template, "edit")
    assert operator.get(edit).context["form"]["title"].value() == "Hello #name#"
    answer = operator.post(edit, form | {"title": "Good day, #name#", "name": "renamed", "version": 1}, follow=True)
    assert "Version 2 was saved." in answer.text
    assert "Version 1" in answer.text
    template.refresh_from_db()
    assert (template.name, template.title, template.version) == ("winner", "Good day, #name#", 2)
    entry = AuditEntry.objects.get(object_type="template", action="change")
    assert entry.details == {"what": "Saved a new version."}
    assert {one["field"]: (one["before"], one["after"]) for one in entry.changes} == {
        "version": ("1", "2"),
        "title": ("Hello #name#", "Good day, #name#"),
    }
    answer = operator.post(page_of(template, "restore"), {"version": 1, "based_on": 2}, follow=True)
    assert "Version 3 was saved." in answer.text
    template.refresh_from_db()
    assert (template.title, template.version) == ("Hello #name#", 3)
    assert AuditEntry.objects.filter(details__what="Restored a former version.").count() == 1


def test_an_edit_that_changes_nothing_says_so(
    member: Callable[[str], Client], template: Template, form: dict[str, Any]
) -> None:
    answer = member("operator").post(page_of(template, "edit"), form | {"version": 1}, follow=True)
    assert "Nothing was changed." in answer.text
    assert not FormerVersion.objects.exists()


def test_who_edits_an_older_version_is_told_and_overwrites_nothing(
    member: Callable[[str], Client], template: Template, form: dict[str, Any]
) -> None:
    template_versions.revise(template, replace(DRAFT, title="Two"), based_on=1, author="amir")
    operator = member("operator")
    page = operator.post(page_of(template, "edit"), form | {"title": "Also two", "version": 1})
    assert "Somebody saved another version meanwhile" in page.text
    page = operator.post(page_of(template, "restore"), {"version": 1, "based_on": 1}, follow=True)
    assert "Somebody saved another version meanwhile" in page.text
    template.refresh_from_db()
    assert template.title == "Two"


def test_a_placeholder_that_a_waiting_schedule_has_no_value_for_is_refused_by_its_name(
    member: Callable[[str], Client], workspace: Workspace, template: Template, form: dict[str, Any]
) -> None:
    service.create(workspace, PUSH, Timed(timezone.now() + timedelta(hours=1)), **BY_TEST)
    page = member("operator").post(page_of(template, "edit"), form | {"title": "#greeting# #name#", "version": 1})
    [told] = page.context["form"].non_field_errors()
    assert told.startswith("The waiting schedule Prizes has no value for #greeting#")


def test_its_page_says_what_uses_it(
    member: Callable[[str], Client], workspace: Workspace, template: Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = member("viewer")
    assert "No recent push uses it." in viewer.get(page_of(template)).text
    task = pushes.accept(workspace, PUSH, **BY_TEST)
    schedule = service.create(
        workspace, replace(PUSH, target_msgkey={"ann": "later"}), Timed(timezone.now() + timedelta(hours=1)), **BY_TEST
    )
    page = viewer.get(page_of(template)).text
    assert reverse("admin:pushcore_pushtask_change", args=[task.pk]) in page
    assert reverse("admin:pushcore_schedule_change", args=[schedule.pk]) in page
    assert "Waits for its time" in page
    assert page_of(template) in viewer.get(reverse("admin:pushcore_schedule_change", args=[schedule.pk])).text


def test_strangers_templates_are_neither_copied_nor_edited_nor_restored(
    member: Callable[[str], Client], mine: Everything, theirs: Everything
) -> None:
    operator, stranger = member("operator"), theirs[Template]
    assert operator.get(reverse(ADD), {"from": stranger.pk}).status_code == 404
    for view in ("edit", "duplicate", "restore", "preview"):
        assert operator.post(page_of(stranger, view), {"version": 1}).status_code == 404
    chosen = {"workspace": stranger.workspace_id, "title": "T"}
    assert operator.post(reverse("admin:preview_template"), chosen).status_code == 404


def test_a_template_is_tried_by_the_form_of_a_push(member: Callable[[str], Client], template: Template) -> None:
    page = member("operator").get(f"/console/pushcore/template/{template.pk}/test-send", follow=True)
    assert page.context["form"]["template"].value() == "winner"
    assert [field.label for field in page.context["form"].placeholders] == ["#name#"]


def test_why_a_template_in_use_stays_is_said_in_the_users_language(superuser: Client, template: Template) -> None:
    request = TemplatePush(
        template_name="winner", target_msgkey={"a": "b"}, template_key_value={"name": "N"}, delivery_type=3,
        expired_seconds=60, task_name="later",
    )  # fmt: skip
    service.create(template.workspace, request, Timed(timezone.now() + timedelta(hours=1)), **BY_TEST)
    chinese = {"accept-language": "zh-CN"}
    page = superuser.get(page_of(template, "delete"), headers=chinese).text
    assert "仍在使用，不能删除" in page
    assert "would require" not in page
    assert "请先取消" in page

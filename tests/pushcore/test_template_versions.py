"""Versions of templates: a change is for later pushes alone, and leaves no schedule without values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pushcore.codes.results import ResultCode, ResultError
from pushcore.models import FormerVersion, MessageCategory, Occurrence, PushTask, Schedule, Template, Workspace
from pushcore.push import pushes, template_uses, template_versions, templates
from pushcore.push.requests import BroadcastPush, MultiplePush, TargetMessage, TemplatePush
from pushcore.push.template_versions import MissingValuesError
from pushcore.push.templates import TemplateDraft
from pushcore.schedules import firing, service
from tests.pushcore.schedules.samples import RPC, make_due, soon

DRAFT = TemplateDraft(
    "hello", "a greeting", "Hello #name#", "Body", uri="https://shop.example/#name#",
    icon={"defaultUrl": "https://shop.example/i.png"}, style=2,
)  # fmt: skip
PUSH = TemplatePush(
    delivery_type=3, expired_seconds=600, template_name="hello", target_msgkey={"ann": "k1"},
    template_key_value={"name": "Ann"},
)  # fmt: skip


@pytest.fixture
def template(workspace: Workspace) -> Template:
    return templates.create(workspace, DRAFT, author="olga")


def revise(template: Template, **changes: Any) -> Template:
    return template_versions.revise(template, replace(DRAFT, **changes), based_on=template.version, author="amir")


def test_a_push_keeps_the_text_it_was_accepted_with_and_the_next_gets_the_newest(
    workspace: Workspace, template: Template
) -> None:
    before = pushes.accept(workspace, PUSH, **RPC)
    revise(template, title="Good day, #name#")
    after = pushes.accept(workspace, replace(PUSH, target_msgkey={"ann": "k2"}), **RPC)
    assert [PushTask.objects.get(pk=task.pk).title for task in (before, after)] == ["Hello Ann", "Good day, Ann"]


def test_a_schedule_is_sent_with_the_newest_text(workspace: Workspace, template: Template) -> None:
    service.create(workspace, PUSH, soon(), **RPC)
    revise(template, title="Good day, #name#")
    make_due(Occurrence.objects.get())
    assert firing.fire_due() == 1
    assert PushTask.objects.get().title == "Good day, Ann"


def test_a_category_is_part_of_a_version(workspace: Workspace, template: Template) -> None:
    MessageCategory.objects.create(workspace=workspace, name="offers")
    template = revise(template, message_category="offers")
    assert pushes.accept(workspace, PUSH, **RPC).message_category == "offers"
    template = template_versions.restore(template, 1, based_on=2, author="amir")
    assert template.message_category == ""
    with pytest.raises(ResultError) as refused:
        revise(template, message_category="unknown")
    assert refused.value.result == ResultCode.MESSAGE_CATEGORY_NOT_EXIST


MULTIPLE = MultiplePush(
    delivery_type=3, expired_seconds=600, template_name="hello",
    target_msg=[
        TargetMessage(target="ann", msgkey="k1", template_key_value={"name": "Ann", "greeting": "Hi"}),
        TargetMessage(target="bob", msgkey="k1", template_key_value={"name": "Bob"}),
    ],
)  # fmt: skip
BROADCAST = BroadcastPush(
    delivery_type=1, expired_seconds=600, template_name="hello", msgkey="b1", template_key_value={"name": "all"}
)


@pytest.mark.parametrize("request_", [PUSH, MULTIPLE, BROADCAST], ids=["template", "multiple", "broadcast"])
def test_a_version_that_a_waiting_schedule_has_no_values_for_is_refused(
    workspace: Workspace, template: Template, request_: Any
) -> None:
    schedule = service.create(workspace, request_, soon(), **RPC)
    with pytest.raises(MissingValuesError) as refused:
        revise(template, title="#greeting#, #name#")
    assert (refused.value.schedule.pk, refused.value.names) == (schedule.pk, ["greeting"])
    assert Template.objects.get().title == "Hello #name#"
    service.cancel(workspace, [schedule.pk], parents=True)
    assert revise(template, title="#greeting#, #name#").version == 2


def test_each_version_is_kept_with_who_saved_it_and_can_be_restored(workspace: Workspace, template: Template) -> None:
    second = revise(template, title="Two, #name#", style=0, icon={})
    third = template_versions.restore(second, 1, based_on=2, author="vera")
    assert [(one.version, one.title, one.saved_by) for one in template_versions.former(template)] == [
        (2, "Two, #name#", "amir"),
        (1, "Hello #name#", "olga"),
    ]
    assert templates.draft_of(third, "hello") == replace(DRAFT, variables=["name"])
    assert (third.version, third.saved_by, third.created_at) == (3, "vera", template.created_at)


def test_the_same_text_again_is_no_version(template: Template) -> None:
    assert revise(template).version == 1
    assert not FormerVersion.objects.exists()


def test_the_name_stays_whatever_the_draft_says(template: Template) -> None:
    assert revise(template, name="other", title="Two").name == "hello"


def test_who_has_not_seen_the_newest_version_overwrites_nothing(template: Template) -> None:
    revise(template, title="Two")
    with pytest.raises(ResultError) as refused:
        revise(template, title="Also two")
    assert (refused.value.result, refused.value.parameter) == (ResultCode.INVALID_PARAM, "version")
    assert Template.objects.get().title == "Two"


def test_the_limits_of_a_template_hold_for_each_version(template: Template) -> None:
    with pytest.raises(ResultError) as refused:
        revise(template, body="x" * 201)
    assert refused.value.result == ResultCode.TEMPLATE_CONTENT_INVALID


@pytest.mark.parametrize("number", [0, 1, 7])
def test_a_version_that_is_not_kept_is_not_restored(template: Template, number: int) -> None:
    with pytest.raises(ResultError, match="not kept"):
        template_versions.restore(template, number, based_on=1, author="vera")


def test_the_oldest_versions_are_given_up(template: Template, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template_versions, "MAX_FORMER", 2)
    for number in range(4):
        template = revise(template, title=f"Title {number}")
    assert [one.version for one in template_versions.former(template)] == [4, 3]


def test_declared_placeholders_stay_declared(workspace: Workspace) -> None:
    declared = TemplateDraft("odd", "d", "C#first name#", "Body #x#", variables=["first name"])
    made = templates.create(workspace, declared)
    changed = template_versions.revise(
        made, replace(templates.draft_of(made, "odd"), body="Other #x#"), based_on=1, author="amir"
    )
    assert templates.placeholder_names(changed) == {"first name"}


def test_a_deleted_template_takes_its_versions_with_it(workspace: Workspace, template: Template) -> None:
    revise(template, title="Two")
    templates.delete(workspace, "hello")
    assert not FormerVersion.objects.exists()


def test_what_uses_a_template_is_found_among_the_newest(
    workspace: Workspace, template: Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = templates.create(workspace, replace(DRAFT, name="other"))
    tasks = [
        pushes.accept(workspace, replace(PUSH, target_msgkey={"ann": f"k{number}"}), **RPC).pk for number in range(3)
    ]
    schedule = service.create(workspace, replace(PUSH, target_msgkey={"ann": "later"}), soon(), **RPC)
    assert [task.pk for task in template_uses.tasks(template)] == tasks[::-1]
    assert [one.pk for one in template_uses.schedules(template)] == [schedule.pk]
    assert (template_uses.tasks(other), template_uses.schedules(other)) == ([], [])
    monkeypatch.setattr(template_uses, "SEARCHED_TASKS", 2)
    assert [task.pk for task in template_uses.tasks(template)] == tasks[:0:-1]
    monkeypatch.setattr(template_uses, "MAX_SHOWN", 1)
    assert [task.pk for task in template_uses.tasks(template)] == tasks[2:]
    assert Schedule.objects.count() == 1

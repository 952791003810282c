"""The review before a push: every setting that was made is on it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django import forms
from django.http import QueryDict
from django.test import Client

from console.pages.create.details import details
from console.pages.create.message_forms import MessageForms
from console.pages.create.review import audience_of
from pushcore.audience import segments
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.file_push import upload
from pushcore.models import Workspace
from pushcore.push import templates
from pushcore.push.templates import TemplateDraft
from sms.models import SmsAccount

CREATE = "/console/create/"
# Something to tell apart in every field, chosen so that all of them are asked for.
GIVEN: dict[str, Any] = {
    "task_name": "A name",
    "target_type": "device", "platform": "1", "target": "a-target", "msgkey": "a-key", "android_channel": "1",
    "silent": "1", "style": "2", "title": "A title", "body": "A body", "action": "1", "url": "app://page",
    "valid_seconds": "7201", "template": "parcel", "value_0": "a value", "login_status": "1", "logout_period": "3",
    "segment": "faithful", "file_name": "winners.csv", "sending-when": "cyclic", "sending-first_day": "2027-03-01",
    "sending-last_day": "2027-03-31", "sending-circle": "2", "sending-weekdays": ["1", "5"],
    "sending-time_of_day": "08:05", "parameters-TOTAL_FORMS": "1", "parameters-INITIAL_FORMS": "0",
    "parameters-0-key": "orderId", "parameters-0-value": "42", "messages_per_second": "317", "over_seconds": "419",
    "pace_url": "https://shop.example/pace", "local_time": "09:41", "best_time_hours": "23",
    "ab_test": "significant", "variant_title": "Another title", "variant_body": "Another body",
    "variant_share": "29", "test_minutes": "613",
    "sms": "1", "sms_when": "1", "sms_delay_seconds": "37", "sms_sign_name": "My shop", "sms_text": "A short text",
    "sms_template_code": "HX" + "7" * 32, "sms_template_param": '{"1": "2"}',
    "inbox": "1",
}  # fmt: skip
# What the review has to say of each.
SAID = {
    "task_name": "A name",
    "target_type": "Device ID", "target": "a-target", "msgkey": "a-key", "android_channel": "Self-built channel",
    "silent": "Silent push", "style": "Rich text", "action": "Open intent activity", "url": "app://page",
    "valid_seconds": "7,201 seconds", "template": "parcel", "value_0": "a value",
    "login_status": "Login users + logout users", "logout_period": "60 days", "file_name": "winners.csv",
    "segment": "faithful", "messages_per_second": "317", "over_seconds": "419",
    "pace_url": "https://shop.example/pace", "local_time": "09:41", "best_time_hours": "23",
    "ab_test": "if their difference is significant", "variant_title": "Another title",
    "variant_body": "Another body", "variant_share": "29", "test_minutes": "613",
    "sms": "Send an SMS", "sms_when": "If the message does not arrive", "sms_delay_seconds": "37",
    "sms_sign_name": "My shop", "sms_text": "A short text", "sms_template_code": "HX" + "7" * 32,
    "sms_template_param": '{"1": "2"}',
    "inbox": "Keep in the inbox of the app",
}  # fmt: skip
MATERIALS = {
    f"{kind}_{name}": f"https://shop.example/{kind}/{name}.png"
    for kind, names in (("icon", ("defaultUrl", "oppoUrl", "miuiUrl", "hmsUrl")),
                        ("image", ("defaultUrl", "oppoUrl", "miuiUrl", "iosUrl")))
    for name in names
}  # fmt: skip
# Shown as the message, or with no meaning to an operator.
ELSEWHERE = {"title", "body", "file", "findings"}


@pytest.fixture(autouse=True)
def template(workspace: Workspace) -> None:
    templates.create(workspace, TemplateDraft("parcel", "d", "Hello #name#", "Body", action=1, uri="app://fixed"))
    segments.create(workspace, "faithful", {"platform": "ios"})
    SmsAccount.objects.create(workspace=workspace, provider="twilio")


def given(**changes: Any) -> QueryDict:
    data = QueryDict(mutable=True)
    for name, value in (GIVEN | MATERIALS | changes).items():
        data.setlist(name, value if isinstance(value, list) else [value])
    return data


def said(workspace: Workspace, kind: str, **changes: Any) -> list[tuple[str, str]]:
    page = MessageForms.submitted(kind, workspace, given(**changes))
    assert page.is_valid(), (page.push.errors, page.sending.errors)
    return list(details(page.push, page.parameters, page.sending, kind))


@pytest.mark.parametrize("kind", ["simple", "template", "multiple", "broadcast", "audience"])
def test_every_field_of_every_form_is_on_the_review(workspace: Workspace, kind: str) -> None:
    file = upload.keep(workspace, _once(b"alice,k1,name=Ann\n"))
    changes = {"file": str(file.pk)} | ({"platform": "2"} if kind == "broadcast" else {})
    values = [value for _label, value in said(workspace, kind, **changes)]
    expected = SAID | MATERIALS | {"platform": "iOS" if kind == "broadcast" else "Android"}
    if kind == "broadcast":
        del expected["android_channel"]  # it has no meaning for iOS
    fields: forms.Form = MessageForms.submitted(kind, workspace, given(**changes)).push
    for name in set(fields.fields) - ELSEWHERE - ({"android_channel"} if kind == "broadcast" else set()):
        assert any(expected[name] in value for value in values), name
    assert "42" in values
    assert "On days of the week (Mon, Fri), 08:05 (UTC), 2027-03-01 - 2027-03-31" in values
    assert values[-1].startswith("9, the first 2027-03-01 08:05")


def _once(data: bytes) -> Any:
    """A reader of so many bytes."""
    left = [data]
    return lambda _size=0: left.pop() if left else b""


def test_what_the_template_fixes_is_on_the_review(workspace: Workspace) -> None:
    [action] = [value for label, value in said(workspace, "template") if label == "Action upon click"]
    assert action.endswith(": app://fixed")


def test_a_field_the_page_does_not_ask_for_is_not_on_the_review(workspace: Workspace) -> None:
    values = [value for _label, value in said(workspace, "simple", target_type="user", style="0")]
    assert "Android" not in values
    assert not [value for value in values if "shop.example" in value]


@pytest.mark.parametrize("kind", ["simple", "template", "broadcast"])
def test_nothing_on_the_review_has_the_focus(superuser: Client, workspace: Workspace, kind: str) -> None:
    registry.register([(workspace, DeviceInfo())])
    answer = superuser.post(f"{CREATE}{kind}/", given(step="review", workspace=str(workspace.pk)).dict() | {
        "sending-when": "now"
    })  # fmt: skip
    assert 'value="send"' in answer.text
    # A closed dialog, such as the list of shortcuts, has none either.
    assert "autofocus" not in re.sub(r"<dialog\b.*?</dialog>", "", answer.text, flags=re.DOTALL)


@pytest.mark.parametrize(
    ("kind", "changes", "who"),
    [
        ("simple", {"target_type": "user", "target": "ann"}, "The user ann"),
        ("simple", {}, "The Android device a-target"),
        ("multiple", {"target_type": "user"}, "The users in the file winners.csv"),
        ("multiple", {"platform": "7"}, "The HarmonyOS devices in the file winners.csv"),
        ("broadcast", {}, "All Android devices of this workspace"),
        ("audience", {}, "The devices of the segment faithful"),
        ("broadcast", {"platform": "2", "login_status": "0"}, "The iOS devices of all users who are logged in"),
        (
            "broadcast",
            {"platform": "2"},
            "The iOS devices of all users who are logged in, or logged out within: 60 days",
        ),
    ],
)
def test_the_audience_is_said_in_words(workspace: Workspace, kind: str, changes: dict[str, str], who: str) -> None:
    page = MessageForms.submitted(kind, workspace, given(file="1", **changes))
    assert page.is_valid()
    assert audience_of(page.push) == who


def test_the_review_does_not_promise_that_a_push_is_final(superuser: Client, workspace: Workspace) -> None:
    values = given(step="review", workspace=str(workspace.pk)).dict() | {"sending-when": "now"}
    assert "revoked for 7 days" in superuser.post(f"{CREATE}simple/", values).text

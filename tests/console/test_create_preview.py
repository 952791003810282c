"""The preview: what each vendor shows and cuts of a message, its pictures, and advice on it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from channels_vendor.accounts import in_use
from channels_vendor.models import VendorAccount
from console.pages.create.preview import channel_choices
from pushcore.channels import Channel
from pushcore.models import Workspace
from pushcore.push import templates
from pushcore.push.templates import TemplateDraft
from tests.console.test_create_simple import PAGE, form

ICON, IMAGE = "https://shop.example/icon.png", "https://shop.example/large.png"


def preview(browser: Client, workspace: Workspace, **changes: str) -> dict[str, Any]:
    return browser.post(f"{PAGE}preview/", form(workspace, **changes)).json()


def by_channel(made: dict[str, Any]) -> dict[int, dict[str, Any]]:
    return {one["channel"]: one for one in made["channels"]}


def advice(made: dict[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in made["advice"]:
        found.setdefault(one["field"], []).append(one["text"])
    return found


def test_what_each_vendor_cuts_is_shown_and_said(superuser: Client, workspace: Workspace) -> None:
    shown = by_channel(preview(superuser, workspace, title="x" * 60, body="y" * 200))
    assert (shown[Channel.XIAOMI]["title"], shown[Channel.XIAOMI]["body"]) == ("x" * 48 + "…", "y" * 126 + "…")
    assert shown[Channel.XIAOMI]["note"] == "Xiaomi MiPush cuts the title to 49 characters, the body to 127 characters."
    assert [len(shown[channel]["title"]) for channel in (Channel.OPPO, Channel.VIVO, Channel.HONOR)] == [50, 40, 50]
    for whole in (Channel.SELF_BUILT, Channel.HUAWEI, Channel.APNS, Channel.FCM, Channel.HARMONYOS):
        assert (shown[whole]["title"], shown[whole]["note"]) == ("x" * 60, "")


def test_a_vendor_cuts_by_what_the_workspaces_account_says(superuser: Client, workspace: Workspace) -> None:
    VendorAccount.objects.create(
        workspace=workspace, channel=Channel.OPPO, public_values={"body_length": "50, long text 128"}
    )
    shown = by_channel(preview(superuser, workspace, body="y" * 200))
    assert len(shown[Channel.OPPO]["body"]) == 50
    assert [number for number, _title in channel_choices(workspace)][:2] == [Channel.SELF_BUILT, Channel.OPPO]


def test_the_review_says_what_the_vendors_in_use_cut(superuser: Client, workspace: Workspace) -> None:
    VendorAccount.objects.create(workspace=workspace, channel=Channel.XIAOMI)
    in_use.forget()
    asked = superuser.post(PAGE, form(workspace, step="review", title="x" * 60, body="y" * 120))
    in_use.forget()
    cut, advised = asked.context["remarks"]
    assert cut == "Xiaomi MiPush cuts the title to 49 characters."
    assert "100 characters together at best" in advised
    assert cut in asked.text


def test_pictures_are_those_that_each_channel_gets(superuser: Client, workspace: Workspace) -> None:
    shown = by_channel(
        preview(superuser, workspace, style="2", icon_defaultUrl=ICON, image_defaultUrl=IMAGE, image_miuiUrl=ICON)
    )
    assert (shown[Channel.SELF_BUILT]["icon"], shown[Channel.SELF_BUILT]["image"]) == (ICON, IMAGE)
    assert (shown[Channel.XIAOMI]["icon"], shown[Channel.XIAOMI]["image"]) == (ICON, ICON)
    assert (shown[Channel.HUAWEI]["icon"], shown[Channel.HUAWEI]["image"]) == ("", IMAGE)
    assert (shown[Channel.OPPO]["icon"], shown[Channel.OPPO]["image"]) == ("", "")


def test_a_message_too_large_for_a_vendor_says_so(superuser: Client, workspace: Workspace) -> None:
    rows = {"parameters-0-key": "large", "parameters-0-value": "v" * 2000}
    note = by_channel(preview(superuser, workspace, **rows))[Channel.VIVO]["note"]
    assert note == "vivo Push: too large to be sent."


def test_nothing_is_shown_of_a_silent_message(superuser: Client, workspace: Workspace) -> None:
    made = preview(superuser, workspace, silent="1", body="y" * 200)
    assert (made["silent"], made["channels"], made["advice"]) == (True, [], [])


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"body": "y" * 101}, "body", "100 characters together at best; these have 101"),
        ({"style": "1", "body": "y" * 200, "parameters-0-key": "k", "parameters-0-value": "v" * 60}, "body",
         "have 261"),
        ({"style": "2", "body": "one\ntwo\nthree", "icon_defaultUrl": ICON}, "body", "two lines"),
        ({"style": "2", "body": "长" * 41, "icon_defaultUrl": ICON}, "body", "two lines"),
        ({"style": "2"}, "icon_defaultUrl", "enter one"),
        ({"style": "2", "image_defaultUrl": "https://shop.example/i.gif"}, "image_defaultUrl", "JPG, JPEG or PNG"),
        ({"style": "2", "image_iosUrl": "http://shop.example/i.png"}, "image_iosUrl", "https addresses only"),
    ],
)  # fmt: skip
def test_advice_stands_at_its_field(
    superuser: Client, workspace: Workspace, changes: dict[str, str], field: str, says: str
) -> None:
    found = advice(preview(superuser, workspace, **changes))
    assert list(found) == [field]
    assert says in " ".join(found[field])


def test_a_message_as_it_should_be_gets_no_advice(superuser: Client, workspace: Workspace) -> None:
    for changes in ({"body": "y" * 100}, {"style": "1", "body": "y" * 200}, {"style": "2", "image_defaultUrl": IMAGE}):
        assert preview(superuser, workspace, **changes)["advice"] == []


def test_advice_on_a_template_stands_at_its_choice(superuser: Client, workspace: Workspace) -> None:
    templates.create(workspace, TemplateDraft("long", "d", "Title", "y" * 150))
    made = superuser.post("/console/create/template/preview/", form(workspace, template="long")).json()
    assert list(advice(made)) == ["template"]


def test_pictures_from_elsewhere_are_allowed_on_this_page_alone(superuser: Client, workspace: Workspace) -> None:
    for address in (PAGE, "/console/create/broadcast/"):
        assert "img-src 'self' data: https:;" in superuser.get(address)["Content-Security-Policy"] + ";"
    assert "img-src 'self' data: https:" in superuser.post(PAGE, form(workspace, title=""))["Content-Security-Policy"]
    assert "https:" not in superuser.get("/console/")["Content-Security-Policy"]

"""Every list can be exported as it is shown: filters, columns, the user's language, within the user's rights."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.text import capfirst

from analytics import export_jobs
from analytics.models import Export
from console.components import exported_list
from console.components.listing import text_of
from console.components.scoped_admin import ConsoleModelAdmin
from console.models import AuditEntry, Membership
from pushcore.models import AccessKey, App, Device, Message, MessageKey, PushTask, RsaKey, Workspace
from pushcore.security import keys
from tests.analytics.test_export import sheets
from tests.console.conftest import Everything
from tests.console.test_message_list import make

NAMES = sorted(
    f"{model._meta.app_label}_{model._meta.model_name}"
    for model, model_admin in admin.site._registry.items()
    if isinstance(model_admin, ConsoleModelAdmin) and model_admin.is_exported
)


def export(browser: Client, name: str, query: str = "", **headers: str) -> Any:
    return browser.post(reverse(f"admin:{name}_export"), {"query": query}, headers=headers)


def table(file: bytes) -> list[list[Any]]:
    [rows] = sheets(file).values()
    return rows


@pytest.fixture
def in_background(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exported_list, "MAX_IMMEDIATE_ROWS", -1)


def test_every_list_is_exported_with_its_columns_and_rows(superuser: Client, mine: Everything) -> None:
    for name in NAMES:
        page = superuser.get(reverse(f"admin:{name}_changelist"))
        head, *rows = table(export(superuser, name).content)
        shown = page.context["cl"]
        # The export itself is in the audit log.
        assert len(rows) == shown.result_count + (name == "console_auditentry"), name
        assert len(head) == len([one for one in shown.list_display if one not in shown.model_admin.not_exported]), name
        assert "Actions" not in head, name
        assert all(title[:1] == title[:1].upper() for title in head), name
        assert "Export to Excel" in page.text or not rows, name


def test_a_list_that_is_not_exported_says_why_in_its_class_and_has_no_button(
    superuser: Client, workspace: Workspace
) -> None:
    assert {model for model, one in admin.site._registry.items() if not one.is_exported} == {MessageKey}  # type: ignore[attr-defined]
    make(workspace, "user")
    with pytest.raises(NoReverseMatch):
        reverse("admin:pushcore_messagekey_export")
    assert "Export to Excel" not in superuser.get(reverse("admin:pushcore_messagekey_changelist")).text


def test_cells_are_what_the_page_shows_in_the_users_language(superuser: Client, mine: Everything) -> None:
    message = mine[Message]
    [english] = table(export(superuser, "pushcore_message").content)[1:]
    assert english == [
        message.msgkey, "user", message.target, "Parcel", f"{message.created_at:%Y-%m-%d %H:%M:%S} UTC", "Delivered",
    ]  # fmt: skip
    head, chinese = table(export(superuser, "pushcore_message", **{"Accept-Language": "zh-CN"}).content)
    assert (head[0], chinese[1], chinese[-1]) == ("自定义消息 ID", "用户", "已送达")
    [[enabled]] = [row[2:3] for row in table(export(superuser, "pushcore_app").content)[1:]]
    assert enabled == "Yes"


def test_the_filtered_list_is_exported(superuser: Client, workspace: Workspace) -> None:
    made = make(workspace, "ann", "bob", "cid")
    Message.objects.filter(pk=made[1].pk).update(status=-2)
    rows = table(export(superuser, "pushcore_message", "status=revoked&kind=all").content)[1:]
    assert [row[2] for row in rows] == ["bob"]
    rows = table(export(superuser, "pushcore_message", "q=ann&p=3").content)[1:]
    assert [row[2] for row in rows] == ["ann"]


def test_a_long_list_is_written_in_the_background_for_who_asked(
    member: Callable[[str], Client], superuser: Client, workspace: Workspace, in_background: None
) -> None:
    make(workspace, *(f"user-{number}" for number in range(7)))
    browser = member("analyst")
    answer = export(browser, "pushcore_message", "kind=all", **{"Accept-Language": "zh-CN"})
    assert answer.status_code == 202
    state = answer.json()["state"]
    assert browser.get(state).json() == {"done": 0, "rows": 7, "fault": "", "file": ""}
    assert browser.get(f"{state}file/").status_code == 404
    export_jobs.make(Export.objects.get().pk)
    told = browser.get(state).json()
    assert (told["done"], told["rows"], told["fault"]) == (7, 7, "")
    answer = browser.get(told["file"])
    assert answer["Content-Disposition"].startswith('attachment; filename="message-')
    head, *rows = table(b"".join(answer.streaming_content))  # type: ignore[attr-defined]
    assert head[0] == "自定义消息 ID"
    assert [row[2] for row in rows] == [f"user-{number}" for number in reversed(range(7))]
    assert superuser.get(state).status_code == superuser.get(told["file"]).status_code == 404
    page = browser.get(reverse("admin:pushcore_message_changelist"))
    assert told["file"] in page.text
    [entry] = AuditEntry.objects.filter(action="export")
    assert (entry.username, entry.details) == (
        "a-analyst",
        {"what": "list: messages", "filters": "kind=all", "rows": "7"},
    )


def test_a_viewer_exports_nothing_and_sees_no_button(member: Callable[[str], Client], mine: Everything) -> None:
    browser = member("viewer")
    assert export(browser, "pushcore_message").status_code == 403
    assert "Export to Excel" not in browser.get(reverse("admin:pushcore_message_changelist")).text


def test_only_rows_of_apps_whose_data_one_may_export_are_in_the_file(
    member: Callable[[str], Client], mine: Everything, theirs: Everything
) -> None:
    browser = member("analyst")
    Membership.objects.create(user=User.objects.get(username="a-analyst"), app=theirs[App], role="viewer")
    assert browser.get(reverse("admin:pushcore_device_changelist")).context["cl"].result_count == 2
    rows = table(export(browser, "pushcore_device").content)[1:]
    assert [row[0] for row in rows] == [mine[Device].ad_token]


def test_a_file_is_out_of_reach_once_a_right_is_lost(
    member: Callable[[str], Client], mine: Everything, in_background: None
) -> None:
    browser = member("analyst")
    state, later = (export(browser, "pushcore_message").json()["state"] for _ in range(2))
    made, unmade = Export.objects.order_by("pk")
    export_jobs.make(made.pk)
    assert browser.get(f"{state}file/").status_code == 200
    Membership.objects.filter(user__username="a-analyst").update(role="viewer")
    assert browser.get(f"{state}file/").status_code == 404
    export_jobs.make(unmade.pk)
    unmade.refresh_from_db()
    assert (unmade.fault, unmade.size) == ("MissingRightError", 0)
    assert browser.get(later).status_code == 404


def test_rights_that_came_later_add_nothing_to_a_file(
    member: Callable[[str], Client], mine: Everything, theirs: Everything, in_background: None
) -> None:
    browser = member("analyst")
    export(browser, "pushcore_device")
    Membership.objects.create(user=User.objects.get(username="a-analyst"), app=theirs[App], role="analyst")
    made = Export.objects.get()
    export_jobs.make(made.pk)
    assert [row[0] for row in table(b"".join(export_jobs.chunks_of(made)))[1:]] == [mine[Device].ad_token]


def test_no_file_has_a_secret(superuser: Client, mine: Everything) -> None:
    _, secret = keys.create_access_key(mine[App], [mine[Workspace]], name="another")
    files = [str(table(export(superuser, name).content)) for name in NAMES]
    kept = [
        secret,
        User.objects.get(username="root").password,
        AccessKey.objects.latest("pk").secret_sealed,
        RsaKey.objects.latest("pk").private_sealed,
        mine[Workspace].client_key,
        Device.objects.get(pk=mine[Device].pk).secret_hash,
    ]
    assert not [one for one in kept if any(str(one) in file for file in files)]


def test_a_file_has_the_newest_rows_alone_where_there_are_too_many(
    superuser: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exported_list, "MAX_ROWS", 2)
    make(workspace, "ann", "bob", "cid")
    assert [row[2] for row in table(export(superuser, "pushcore_message").content)[1:]] == ["cid", "bob"]


def test_files_of_lists_are_bounded_for_each_author(
    superuser: Client, member: Callable[[str], Client], mine: Everything, in_background: None, monkeypatch: Any
) -> None:
    monkeypatch.setattr(export_jobs, "MAX_KEPT", 1)
    assert [export(superuser, "pushcore_message").status_code for _ in range(2)] == [202, 429]
    assert export(member("analyst"), "pushcore_message").status_code == 202
    Export.objects.update(created_at=timezone.now() - timedelta(days=2))
    export_jobs.purge()
    assert export(superuser, "pushcore_message").status_code == 202


def test_the_text_of_a_cell_is_what_one_reads() -> None:
    html = (
        '<a href="#"><span class="icon" aria-hidden="true">person<b>x</b></span>Ann &amp; <br>Bob</a><small>3</small>'
    )
    assert text_of(html) == "Ann & Bob 3"
    assert capfirst(text_of("plain")) == "Plain"


def test_long_ids_keep_all_their_digits(superuser: Client, mine: Everything) -> None:
    head, row = table(export(superuser, "pushcore_pushtask", "kind=all").content)
    assert row[0] == str(mine[PushTask].pk)
    assert row[head.index("Messages")] == "1"

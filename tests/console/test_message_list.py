"""The message list: what it shows, finds and costs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from channels_vendor.models import VendorMessage
from console.admins import messages as page
from console.components.change_list import CappedPaginator
from pushcore.channels import Channel
from pushcore.delivery import outcomes
from pushcore.models import Message, Workspace
from pushcore.ports import Outcome
from pushcore.push import pushes, templates
from pushcore.push.requests import MultiplePush, TargetMessage
from pushcore.push.templates import TemplateDraft
from pushcore.storage import ids, partitions
from tests.console.conftest import BY_TEST, Everything, a_push

LIST = "/console/pushcore/message/"


def make(workspace: Workspace, *targets: str, msgkey: str = "key", **changes: object) -> list[Message]:
    task = pushes.accept(workspace, a_push({target: f"{msgkey}-{target}" for target in targets}, **changes), **BY_TEST)
    return list(Message.objects.filter(task=task))


def listed(browser: Client, **query: str | int) -> list[str]:
    answer = browser.get(LIST, query)
    assert answer.status_code == 200
    return [message.target for message in answer.context["cl"].result_list]


def test_a_row_shows_the_message_and_expands_to_its_details(superuser: Client, mine: Everything) -> None:
    message = mine[Message]
    text = superuser.get(LIST).text
    for shown in (
        message.msgkey,
        message.target,
        "Parcel",
        "2 Acked",
        "Delivered",
        str(message.pk),
        str(message.task_id),
    ):
        assert shown in text
    assert "On its way" in text
    assert f"{message.created_at:%Y-%m-%d %H:%M:%S}" in text
    assert "the device confirmed receipt" in text


def test_a_messages_details_tell_what_its_vendor_said(superuser: Client, mine: Everything) -> None:
    message = mine[Message]
    VendorMessage.objects.create(
        message_id=message.pk, workspace_id=message.workspace_id, channel=Channel.FCM, task_id=message.task_id,
        device_id=1, vendor_id="projects/p/messages/0:17", vendor_code="", accepted_at=timezone.now(),
        report_code="NotRegistered, says the vendor", report_status=90000003, report_at=timezone.now(),
    )  # fmt: skip
    Message.objects.filter(pk=message.pk).update(arrived_at=timezone.now())
    page = superuser.get(LIST).text
    assert "projects/p/messages/0:17" in page
    assert "Accepted by the vendor" in page
    assert "NotRegistered, says the vendor (90000003 target is no longer registered)" in page
    assert "Arrived at" in page


def test_the_newest_message_is_first(superuser: Client, workspace: Workspace) -> None:
    for target in ("one", "two", "three"):
        make(workspace, target)
    assert listed(superuser) == ["three", "two", "one"]


def test_messages_older_than_thirty_days_are_not_listed(
    superuser: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    [message] = make(workspace, "somebody")
    assert listed(superuser) == ["somebody"]
    long_ago = timezone.now() - timedelta(days=page.LISTED_DAYS, minutes=1)
    partitions.create(partitions.MESSAGES, long_ago)
    past = ids.first_id_at(long_ago)
    Message.objects.filter(pk=message.pk).update(id=past)
    assert listed(superuser) == []


def test_multiple_messages_are_hidden_until_they_are_asked_for(superuser: Client, workspace: Workspace) -> None:
    make(workspace, "one")
    templates.create(workspace, TemplateDraft("hello", "d", "Hello", "Body"))
    of_many = TargetMessage(target="many", msgkey="m")
    request = MultiplePush(delivery_type=3, expired_seconds=300, template_name="hello", target_msg=[of_many])
    task = pushes.accept(workspace, request, **BY_TEST)
    assert listed(superuser) == ["one"]
    assert listed(superuser, kind="multiple") == ["many"]
    assert listed(superuser, kind="all") == ["many", "one"]
    assert listed(superuser, q="many") == ["many"]
    assert listed(superuser, task=task.pk) == ["many"]
    assert listed(superuser, q="many", kind="single") == []


def test_chips_are_links_and_the_one_in_use_is_marked(superuser: Client, mine: Everything) -> None:
    text = superuser.get(LIST, {"status": "pending"}).text
    assert '<a class="console-chip" href="?status=pending" aria-current="true">Waiting</a>' in text
    assert '<a class="console-chip" href="?">All</a>' in text
    assert '<a class="console-chip" href="?kind=multiple&amp;status=pending">Multiple push</a>' in text
    assert '<input type="hidden" name="status" value="pending">' in text


def test_a_pasted_time_finds_what_was_created_then(superuser: Client, workspace: Workspace) -> None:
    Workspace.objects.update(time_zone="America/Sao_Paulo")
    [message] = make(workspace, "alice")
    created = message.created_at.astimezone(ZoneInfo("America/Sao_Paulo"))
    for term in (f"{created:%Y-%m-%d %H:%M:%S} America/Sao_Paulo", f"{created:%Y-%m-%d %H:%M}", f"{created:%d.%m.%Y}"):
        assert listed(superuser, q=term) == ["alice"], term
    assert listed(superuser, q=f"{created + timedelta(days=1):%Y-%m-%d}") == []


def test_searching_is_exact(superuser: Client, workspace: Workspace) -> None:
    make(workspace, "alice", "alice2", msgkey="first")
    make(workspace, "alice", msgkey="second")
    assert listed(superuser, q="alice") == ["alice", "alice"]
    assert listed(superuser, q="first-alice2") == ["alice2"]
    assert listed(superuser, q="alice second-alice") == ["alice"]
    assert listed(superuser, q="second-alice alice") == ["alice"]
    assert listed(superuser, q="ali") == []
    assert listed(superuser, q="ALICE") == []


def test_a_message_is_found_by_its_id(superuser: Client, workspace: Workspace) -> None:
    [message] = make(workspace, "alice")
    make(workspace, "bob")
    assert listed(superuser, q=str(message.pk)) == ["alice"]


def test_searching_finds_nothing_of_another_app(
    member: Callable[[str], Client], mine: Everything, theirs: Everything
) -> None:
    browser = member("viewer")
    message = theirs[Message]
    for term in (message.target, message.msgkey, str(message.pk)):
        assert listed(browser, q=term) == []


def test_filters_narrow_the_list(superuser: Client, workspace: Workspace, theirs: Everything) -> None:
    delivered, refused = make(workspace, "delivered")[0], make(workspace, "refused", delivery_type=1)[0]
    make(workspace, "unbound")
    Message.objects.filter(pk=delivered.pk).update(status=0)
    outcomes.record([Outcome(delivered.pk, 2), Outcome(refused.pk, 2009)])
    workspaces = {"workspace": workspace.pk}
    assert listed(superuser, status="2", **workspaces) == ["delivered"]
    assert listed(superuser, status="pending", **workspaces) == ["unbound"]
    assert listed(superuser, status="failed", **workspaces) == ["refused"]
    assert listed(superuser, status="succeeded", **workspaces) == ["delivered"]
    assert listed(superuser, status="2009", **workspaces) == ["refused"]
    assert listed(superuser, delivery_type="1", **workspaces) == ["refused"]
    assert listed(superuser, task=delivered.task_id) == ["delivered"]
    assert len(listed(superuser, created="today")) == 4


@pytest.mark.parametrize(
    "query",
    [
        {"status": "x"}, {"status": "9" * 40}, {"workspace": "'"}, {"p": "999"}, {"p": "x"}, {"task": "x"},
        {"kind": "x"}, {"created": "x"}, {"created_from": "2026-13-01"},
        {"q": "9" * 25}, {"q": "\0"}, {"task": "9" * 30}, {"o": "1.-99"}, {"delivery_type": "-1"}, {"all": ""},
        {"_facets": "True"},
    ],
)  # fmt: skip
def test_nonsense_in_the_address_is_no_error(superuser: Client, mine: Everything, query: dict[str, str]) -> None:
    assert superuser.get(LIST, query, follow=True).status_code in (200, 400)


def test_a_page_costs_the_same_for_any_number_of_rows(member: Callable[[str], Client], workspace: Workspace) -> None:
    browser = member("operator")
    make(workspace, "first")
    with CaptureQueriesContext(
        connection,
    ) as few:
        browser.get(LIST)
    for number in range(4):
        make(workspace, *(f"user-{number}-{each}" for each in range(10)))
    with CaptureQueriesContext(connection) as many:
        assert len(listed(browser)) == 41
    assert len(many) == len(few)


def test_counting_ends_at_the_cap(superuser: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    make(workspace, *(f"user-{each}" for each in range(10)))
    monkeypatch.setattr(CappedPaginator, "MAX_COUNT", 6)
    answer = superuser.get(LIST)
    assert answer.context["cl"].result_count == 6
    assert "the newest 6 messages" in answer.text


def test_a_search_that_takes_too_long_is_given_up(
    superuser: Client, mine: Everything, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(self: page.MessageAdmin, rows: object, scope: object, term: str) -> object:
        return rows.extra(where=["pg_sleep(10) IS NOT NULL"])  # type: ignore[attr-defined]

    monkeypatch.setattr("console.components.large_table_admin.LIST_TIMEOUT_MS", 50)
    monkeypatch.setattr(page.MessageAdmin, "find", slow)
    answer = superuser.get(LIST, {"q": "anything"})
    assert answer.status_code == 503
    assert "takes too long" in answer.text
    assert superuser.get("/console/").status_code == 200

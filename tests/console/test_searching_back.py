"""A list of a large table whose filter no index serves is searched from the newest row back, a part at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
from django.test import Client

from console.components import change_list, searching_back
from console.components.change_list import LargeTableChangeList
from pushcore.models import Message, Workspace
from pushcore.storage.timeouts import StatementTimeoutError
from tests.console.conftest import Everything
from tests.console.test_message_list import make

LIST = "/console/pushcore/message/"


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking at all rows takes too long, and so does a second step of three rows."""

    def too_slow(*_: object) -> None:
        raise StatementTimeoutError

    monkeypatch.setattr(change_list.ConsoleChangeList, "fetch", too_slow)
    monkeypatch.setattr(searching_back, "FIRST_STEP", 3)
    monkeypatch.setattr(searching_back, "BUDGET", 0.0)


@pytest.fixture
def messages(workspace: Workspace) -> list[Message]:
    """Ten messages, the newest last; the first, third and ninth are revoked."""
    made = [make(workspace, f"user-{number}")[0] for number in range(10)]
    Message.objects.filter(pk__in=[made[0].pk, made[2].pk, made[8].pk]).update(status=-2)
    return made


def parts(browser: Client, address: str) -> Iterator[tuple[LargeTableChangeList, list[str]]]:
    """Open a list, and go on with older rows until there are none."""
    while address:
        answer = browser.get(address)
        changes = answer.context["cl"]
        yield changes, [message.target for message in changes.result_list]
        found = re.search(r'href="([^"]*id__lt=[^"]*)">.*Search older ones', answer.text)
        address = f"{LIST}{unescape(found[1])}" if found else ""


def test_a_search_without_an_index_goes_on_with_older_rows_and_misses_none(
    superuser: Client, messages: list[Message], slow: None
) -> None:
    found = list(parts(superuser, f"{LIST}?kind=all&status=revoked"))
    assert [targets for _, targets in found] == [["user-8"], [], ["user-2"], ["user-0"]]
    searched = [changes.searched for changes, _ in found]
    assert [part and part.back_to for part in searched] == [
        messages[7].created_at, messages[4].created_at, messages[1].created_at, None,
    ]  # fmt: skip


def test_where_nothing_is_found_yet_the_list_says_how_far_it_was_searched(
    superuser: Client, messages: list[Message], slow: None
) -> None:
    text = superuser.get(LIST, {"kind": "all", "status": "failed"}).text
    assert "Nothing found" in text
    assert "The newest 3 entries were searched, back to" in text


def test_a_search_begins_and_ends_where_the_list_does(
    superuser: Client, mine: Everything, messages: list[Message], slow: None
) -> None:
    task = messages[2].task_id
    [(changes, targets)] = parts(superuser, f"{LIST}?task={task}&status=revoked")
    assert targets == ["user-2"]
    assert changes.searched is None


def test_what_was_found_is_paged(
    superuser: Client, messages: list[Message], slow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching_back, "FIRST_STEP", 100)
    monkeypatch.setattr("console.admins.messages.MessageAdmin.list_per_page", 2)
    shown = [
        [message.target for message in superuser.get(f"{LIST}?status=revoked&p={page}").context["cl"].result_list]
        for page in (1, 2)
    ]
    assert shown == [["user-8", "user-2"], ["user-0"]]
    assert superuser.get(f"{LIST}?status=revoked&p=3").status_code == 302


def test_enough_is_enough(
    superuser: Client, messages: list[Message], slow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_list.CappedPaginator, "MAX_COUNT", 2)
    changes = superuser.get(LIST, {"kind": "all"}).context["cl"]
    assert [message.target for message in changes.result_list] == ["user-9", "user-8"]
    assert changes.paginator.has_more
    assert changes.searched is None


def test_only_that_parameter_may_compare_keys(superuser: Client, mine: Everything) -> None:
    assert superuser.get(LIST, {"id__gt": "1"}).status_code == 400


def test_a_statement_that_takes_too_long_begins_the_search(
    superuser: Client, messages: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = change_list.ConsoleChangeList.fetch

    def slowly(self: LargeTableChangeList, request: object) -> object:
        from django.db import connection

        connection.cursor().execute("SELECT pg_sleep(5)")
        return whole(self, request)  # type: ignore[arg-type]

    monkeypatch.setattr(change_list.ConsoleChangeList, "fetch", slowly)
    [(_, targets)] = parts(superuser, f"{LIST}?kind=all&status=revoked")
    assert targets == ["user-8", "user-2", "user-0"]

"""The command palette's answers: pages by role, objects within the user's rights, each along an index."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from console.pages import command_palette
from pushcore.models import Binding, Device, Message, PushTask, Template, Workspace
from tests.console.conftest import Everything

TERMS: dict[str, Callable[[Everything], Any]] = {
    "an Ad-token": lambda of: of[Device].ad_token,
    "a vendor token": lambda of: f"Vendor-token-{of[Device].pk}",
    "the number of a device": lambda of: of[Device].pk,
    "a user ID": lambda of: of[Binding].user_id,
    "a task ID": lambda of: of[PushTask].pk,
    "a part of a task's name": lambda of: f"ame-{of[Workspace].app_id}-",
    "a message ID": lambda of: of[Message].pk,
    "a msgkey": lambda of: of[Message].msgkey,
    "a target and a msgkey": lambda of: f"{of[Message].target} {of[Message].msgkey}",
    "a part of a template's name": lambda of: of[Template].name[1:],
}


def found(browser: Client, term: object) -> list[dict[str, str]]:
    results: list[dict[str, str]] = browser.get("/console/command-palette/", {"q": str(term)}).json()["results"]
    return results


@pytest.mark.parametrize("kind", TERMS)
def test_an_object_is_found_in_the_users_apps_alone(
    member: Callable[[str], Client], mine: Everything, theirs: Everything, kind: str
) -> None:
    for of in (mine, theirs):
        Device.objects.filter(pk=of[Device].pk).update(third_token=f"Vendor-token-{of[Device].pk}")
        PushTask.objects.filter(pk=of[PushTask].pk).update(name=f"name-{of[Workspace].app_id}-")
    browser = member("viewer")
    results = found(browser, TERMS[kind](mine))
    assert results
    assert {browser.get(one["url"]).status_code for one in results} == {200}
    strange = found(browser, TERMS[kind](theirs))
    assert not [one for one in strange if "OTHER" in one["detail"] or "strange" in one["detail"]]


@pytest.mark.parametrize("role", ["viewer", "analyst", "operator", "administrator"])
def test_every_page_that_is_offered_opens(member: Callable[[str], Client], mine: Everything, role: str) -> None:
    browser = member(role)
    offered = found(browser, "")
    assert len(offered) > 10
    assert {one["title"]: browser.get(one["url"]).status_code for one in offered} == dict.fromkeys(
        (one["title"] for one in offered), 200
    )
    assert ("Create a message" in {one["title"] for one in offered}) == (role in ("operator", "administrator"))


def test_a_page_is_found_by_its_name_in_both_languages(superuser: Client, mine: Everything) -> None:
    superuser.cookies["django_language"] = "zh-hans"
    by_english, by_chinese = found(superuser, "channels"), found(superuser, "通道")
    assert by_english[0]["url"] in {one["url"] for one in by_chinese}


def test_what_nobody_can_have_typed_finds_nothing(superuser: Client, mine: Everything) -> None:
    for term in ("\0", "x" * 600, "9" * 30, "%", "' OR 1=1"):
        answer = superuser.get("/console/command-palette/", {"q": term})
        assert answer.status_code == 200


def test_each_kind_of_object_is_limited_in_number(superuser: Client, mine: Everything) -> None:
    template = mine[Template]
    for number in range(command_palette.MAX_RESULTS + 3):
        template.pk, template.name = None, f"many_{number}"
        template.save(force_insert=True)
    assert len(found(superuser, "many_")) == command_palette.MAX_RESULTS


def test_what_takes_too_long_is_left_out_and_said(
    superuser: Client, mine: Everything, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(scope: object, term: str) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(10)")
        return []

    monkeypatch.setattr(command_palette, "STATEMENT_MS", 20)
    monkeypatch.setattr(command_palette, "LOOKUPS", (slow, command_palette.LOOKUPS[-1]))
    answer = superuser.get("/console/command-palette/", {"q": mine[Template].name}).json()
    assert answer["complete"] is False
    assert [one["title"] for one in answer["results"]] == [mine[Template].name]


def test_no_lookup_reads_a_whole_table(superuser: Client, mine: Everything) -> None:
    """A plan with sequential scans forbidden has none, where an index serves."""
    with CaptureQueriesContext(connection) as queries:
        found(superuser, mine[Message].pk)
    asked = [one["sql"] for one in queries if one["sql"].startswith("SELECT") and "workspace_id" in one["sql"]]
    assert asked
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for sql in asked:
            if not any(table in sql for table in ("pushcore_message", "pushcore_pushtask", "pushcore_device")):
                continue
            cursor.execute(f"EXPLAIN {sql}")
            plan = "\n".join(row[0] for row in cursor.fetchall())
            scanned = [line for line in plan.splitlines() if "Seq Scan" in line and "workspace" not in line]
            assert not scanned, plan

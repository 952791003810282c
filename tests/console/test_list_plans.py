"""The filters that lists open with are served by an index, whatever else the tables hold."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from pushcore.models import Message, PushTask, Workspace
from pushcore.storage import ids, partitions

ROWS = 20_000


@pytest.fixture
def filled(workspace: Workspace) -> None:
    """Messages of one multiple push, all newer than a few of simple pushes; likewise tasks the other way round."""
    now = timezone.now()
    partitions.ensure()
    bulk, single = ids.first_id_at(now), ids.first_id_at(now - timedelta(minutes=1))
    values: dict[str, Any] = {"workspace": workspace.pk, "now": now, "rows": ROWS, "bulk": bulk, "single": single}
    task = (
        "INSERT INTO pushcore_pushtask (id, workspace_id, name, kind, delivery_type, source, author, content, options,"
        " fingerprint, expire_at, created_at, message_count, success_count, arrival_count, expired_count,"
        " last_message_id) SELECT {first} + n, %(workspace)s, 'push ' || n, {kind}, 3, 'rpc', '', '{{}}', '{{}}', '',"
        " %(now)s, %(now)s, 1, 0, 0, 0, {first} + n FROM generate_series(1, {count}) n"
    )
    message = (
        "INSERT INTO pushcore_message (id, workspace_id, task_id, delivery_type, target, msgkey, status, channel, kind,"
        " expire_at, updated_at) SELECT {first} + n, %(workspace)s, {first}, 3, 'user-' || n, 'k', 2, 0, {kind},"
        " %(now)s, %(now)s FROM generate_series(1, {count}) n"
    )
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE pushcore_message DISABLE TRIGGER USER")
        cursor.execute(message.format(first="%(bulk)s", kind=int(Message.Kind.MULTIPLE), count="%(rows)s"), values)
        cursor.execute(message.format(first="%(single)s", kind=int(Message.Kind.SIMPLE), count="100"), values)
        cursor.execute(task.format(first="%(bulk)s", kind="'simple'", count="%(rows)s"), values)
        cursor.execute(task.format(first="%(single)s", kind="'multiple'", count="100"), values)
        cursor.execute("ALTER TABLE pushcore_message ENABLE TRIGGER USER")
        cursor.execute("ANALYZE pushcore_message")
        cursor.execute("ANALYZE pushcore_pushtask")


def plans(browser: Client, address: str, table: str, query: dict[str, Any]) -> list[str]:
    """Open a list; return how its statements on a table were planned."""
    found: list[str] = []

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if f'FROM "{table}"' in sql and not sql.startswith("EXPLAIN"):
            context["cursor"].execute("EXPLAIN " + sql, params)
            found.append("\n".join(line for (line,) in context["cursor"].fetchall()))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        assert browser.get(address, query).context["cl"].result_count
    assert found
    return found


def assert_along_index(plan: str, table: str) -> None:
    """Rows come by the partial index, which a partition names by its columns; only empty partitions are read whole."""
    assert "_id_workspace_id_idx" in plan, plan
    assert all("rows=1 " in line for line in plan.splitlines() if f"Seq Scan on {table}" in line), plan


@pytest.mark.parametrize("query", [{}, {"kind": "simple"}, {"created": "today"}], ids=str)
@pytest.mark.parametrize("role", ["superuser", "viewer"])
def test_the_message_list_opens_along_the_index_of_single_messages(
    superuser: Client, member: Any, filled: None, query: dict[str, Any], role: str
) -> None:
    browser = superuser if role == "superuser" else member(role)
    for plan in plans(browser, "/console/pushcore/message/", Message._meta.db_table, query):
        assert_along_index(plan, Message._meta.db_table)


@pytest.mark.parametrize("query", [{}, {"kind": "multiple"}, {"q": "push 77"}], ids=str)
def test_the_task_list_opens_along_the_index_of_bulk_tasks(
    superuser: Client, filled: None, query: dict[str, Any]
) -> None:
    for plan in plans(superuser, "/console/pushcore/pushtask/", PushTask._meta.db_table, query):
        assert_along_index(plan, PushTask._meta.db_table)

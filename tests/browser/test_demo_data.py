"""The demo's two weeks of traffic in a started service: it agrees with itself, and every kind of thing occurs."""

from __future__ import annotations

import subprocess

import psycopg2
import pytest

from pushcore.codes import statuses
from tests.support.stack import ROOT, Stack

pytestmark = pytest.mark.xdist_group("demo")


def sql(stack: Stack, query: str) -> list[tuple]:
    connection = psycopg2.connect(stack.env()["DATABASE_URL"])
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()
    finally:
        connection.close()


def mps(stack: Stack, *arguments: str) -> str:
    command = [stack.python, "-m", "mps_project", *arguments]
    ran = subprocess.run(command, cwd=ROOT, env=stack.env(), capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_the_sums_of_the_demo_equal_a_recount(demo_stack: Stack) -> None:
    assert "no difference" in mps(demo_stack, "rebuild_rollups", "--check")


def test_the_counters_of_the_demos_tasks_equal_their_messages(demo_stack: Stack) -> None:
    wrong = sql(
        demo_stack,
        """
        SELECT t.id FROM pushcore_pushtask t LEFT JOIN pushcore_message m ON m.task_id = t.id
        LEFT JOIN pushcore_broadcast b ON b.task_id = t.id
        GROUP BY t.id, b.reached
        HAVING t.message_count <> count(m.id) + coalesce(b.reached, 0)
            OR t.success_count <> count(m.id) FILTER (WHERE m.status = 2) + coalesce(b.reached, 0)
            OR t.arrival_count <> count(m.arrived_at) + coalesce(b.reached, 0)
            OR t.expired_count <> count(m.id) FILTER (WHERE m.status = -3)
        """,
    )
    assert wrong == []


def test_every_outcome_occurs_in_the_demo(demo_stack: Stack) -> None:
    seen = dict(sql(demo_stack, "SELECT status, count(*) FROM pushcore_message GROUP BY 1"))
    assert {statuses.ACKED, statuses.WAITING, statuses.NO_BIND_INFO, statuses.EXPIRED, statuses.REVOKED} <= set(seen)
    refusing = sql(demo_stack, "SELECT count(DISTINCT channel) FROM pushcore_message WHERE channel > 0 AND status > 2")
    assert refusing[0][0] >= 3
    assert 2000 < sum(seen.values()) < 8000
    kinds = {kind for (kind,) in sql(demo_stack, "SELECT DISTINCT kind FROM analytics_messageevent")}
    assert kinds == {"arrived", "opened", "ignored"}
    assert {state for (state,) in sql(demo_stack, "SELECT DISTINCT state FROM pushcore_receipt")} == {
        "due", "delivered", "failed",
    }  # fmt: skip
    occurrences = {status for (status,) in sql(demo_stack, "SELECT DISTINCT status FROM pushcore_occurrence")}
    assert {0, 1, 2, 4} <= occurrences


def test_a_second_time_adds_nothing(demo_stack: Stack) -> None:
    before = sql(demo_stack, "SELECT count(*), max(id) FROM pushcore_device")
    assert "there already" in mps(demo_stack, "demo_data")
    assert sql(demo_stack, "SELECT count(*), max(id) FROM pushcore_device") == before


def test_the_demos_users_log_in_with_the_password_that_is_announced(demo_stack: Stack) -> None:
    from console.demo_data.operators import OPERATORS, PASSWORD

    names = ", ".join(one.username for one in OPERATORS)
    assert f"{names} log in with the password {PASSWORD}" in demo_stack.output

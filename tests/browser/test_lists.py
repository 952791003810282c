"""Lists and the report of a push task in a browser: cards on a phone, chips without a script, figures that change."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, MILLISECONDS, PHONE, SCREENSHOTS, faults
from tests.e2e.backends import run_in_service
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("stack")

MESSAGES = """
from pushcore.models import PushTask, Workspace
from pushcore.push import pushes
from pushcore.push.requests import SimplePush
workspace = Workspace.objects.first()
for number in range(50):
    request = SimplePush(
        delivery_type=3, expired_seconds=600, task_name=f"Order {number}", title=f"Your parcel {number} is on its way",
        content="It arrives today", target_msgkey={f"user-{number}-with-a-name-of-some-length": f"order-{number}"},
    )
    pushes.accept(workspace, request, source=PushTask.Source.RPC, author="test")
"""
# More than are written at once.
MANY = """
from pushcore.models import PushTask, Workspace
from pushcore.push import pushes
from pushcore.push.requests import SimplePush
for number in range(51):
    targets = {f"reader-{number}-{each}": f"many-{number}-{each}" for each in range(10)}
    request = SimplePush(delivery_type=3, expired_seconds=600, title="T", content="C", target_msgkey=targets)
    pushes.accept(Workspace.objects.first(), request, source=PushTask.Source.RPC, author="test")
"""
MANY_WORKSPACES = """
from pushcore.models import App, Workspace
app = App.objects.first()
Workspace.objects.bulk_create(Workspace(app=app, workspace_id=f"many-{n}", client_bind="open") for n in range(210))
"""
NO_MORE_WORKSPACES = """
from pushcore.models import Workspace
Workspace.objects.filter(workspace_id__startswith="many-").delete()
"""
A_TASK = """
from pushcore.models import PushTask, Workspace
from pushcore.push import pushes, templates
from pushcore.push.requests import MultiplePush, TargetMessage
from pushcore.push.templates import TemplateDraft
workspace = Workspace.objects.first()
templates.create(workspace, TemplateDraft("report", "d", "Hello", "Body"))
people = [TargetMessage(target=f"person-{number}", msgkey=f"report-{number}") for number in range(3)]
request = MultiplePush(
    delivery_type=3, expired_seconds=600, task_name="A report", template_name="report", target_msg=people
)
print(pushes.accept(workspace, request, source=PushTask.Source.RPC, author="test").pk)
"""
REFUSED = """
from pushcore.channels import Channel
from pushcore.delivery import outcomes
from pushcore.models import Message
from pushcore.ports import Outcome
outcomes.record([Outcome(Message.objects.filter(task={task}).first().pk, 90000003, Channel.FCM)])
"""
# The first two cells of a card that overlap, as their texts.
OVERLAP = """() => {
  for (const card of document.querySelectorAll("#result_list tr.data-row")) {
    const cells = card.querySelectorAll(":scope > :not([data-label='Expand row'])");
    const boxes = Array.from(cells, (cell) => [cell.textContent, cell.getBoundingClientRect()]);
    for (const [one, a] of boxes) {
      for (const [other, b] of boxes) {
        const beside = a.right - 1 < b.left || b.right - 1 < a.left || a.bottom - 1 < b.top || b.bottom - 1 < a.top;
        if (a !== b && !beside) {
          return [one, other];
        }
      }
    }
  }
  return null;
}"""


@pytest.fixture(scope="module")
def messages(stack: Stack) -> None:
    run_in_service(stack, MESSAGES)


@pytest.fixture(scope="module")
def task(stack: Stack) -> str:
    return run_in_service(stack, A_TASK).split()[-1]


def test_fifty_messages_on_a_phone_are_short_cards(page: Page, axe: str, messages: None) -> None:
    page.set_viewport_size(PHONE)
    page.goto("pushcore/message/")
    expect(page.locator("#result_list tr.data-row")).to_have_count(50)
    page.screenshot(path=SCREENSHOTS / "lists" / "messages-phone.png")
    height = page.evaluate("document.documentElement.scrollHeight")
    inner = page.locator("#result_list").bounding_box()
    assert inner is not None
    assert max(height, inner["height"]) < 7000
    assert page.evaluate(OVERLAP) is None
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    assert faults(page, axe) == []
    page.locator("#result_list td[data-label='Expand row']").first.click()
    expect(page.get_by_text("What to do").first).to_be_visible()


def test_chips_and_a_range_of_days_narrow_the_list(page: Page, messages: None) -> None:
    page.goto("pushcore/message/")
    page.get_by_role("link", name="Waiting", exact=True).click()
    assert page.url.endswith("?status=pending")
    page.get_by_text("From … to").click()
    page.fill("[name=created_from]", "2020-01-01")
    page.fill("[name=created_until]", "2020-01-31")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("Nothing found")).to_be_visible()
    assert "status=pending" in page.url
    page.get_by_role("link", name="Clear search and filters").click()
    expect(page.locator("#result_list tr.data-row")).to_have_count(50)


def test_the_whole_report_of_a_task_is_live(page: Page, axe: str, stack: Stack, task: str) -> None:
    page.set_viewport_size(DESKTOP)
    page.goto(f"pushcore/pushtask/{task}/change/")
    expect(page.locator("[data-figure=waiting]")).to_have_text("3")
    expect(page.get_by_text("Waiting for the user's device")).to_be_visible()
    run_in_service(stack, REFUSED.format(task=task))
    # No reload: a figure changes, and a status comes up that the page did not have.
    expect(page.locator("[data-figure=waiting]")).to_have_text("2", timeout=MILLISECONDS)
    expect(page.get_by_text("Target is no longer registered").first).to_be_visible()
    page.screenshot(path=SCREENSHOTS / "lists" / "task-desk.png", full_page=True)
    assert faults(page, axe) == []
    page.set_viewport_size(PHONE)
    page.screenshot(path=SCREENSHOTS / "lists" / "task-phone.png", full_page=True)
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download targets").first.click()
    assert "person-" in Path(download.value.path()).read_text()


def test_a_row_of_the_task_list_unfolds(page: Page, axe: str, task: str) -> None:
    page.set_viewport_size(DESKTOP)
    page.goto("pushcore/pushtask/")
    page.locator("#result_list td[data-label='Expand row']").first.click()
    expect(page.get_by_text("Successfully pushed messages").first).to_be_visible()
    page.screenshot(path=SCREENSHOTS / "lists" / "tasks-desk.png")
    assert faults(page, axe) == []


def test_a_short_list_is_saved_at_once_and_a_long_one_when_a_worker_has_written_it(page: Page, stack: Stack) -> None:
    page.goto("pushcore/app/")
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Export to Excel").click()
    assert downloading.value.suggested_filename.startswith("app-")
    assert downloading.value.suggested_filename.endswith(".xlsx")
    run_in_service(stack, MANY)
    page.goto("pushcore/message/?kind=all")
    page.get_by_role("button", name="Export to Excel").click()
    file = page.locator("[data-export-link]")
    expect(file).to_be_visible(timeout=60_000)
    with page.expect_download() as downloading:
        file.click()
    assert downloading.value.suggested_filename.startswith("message-")


def test_names_of_values_on_a_phone_begin_with_one_capital(page: Page) -> None:
    page.set_viewport_size(PHONE)
    page.goto("pushcore/app/")
    names = page.locator("#result_list td[data-label]").evaluate_all(
        "cells => cells.map((cell) => [cell.dataset.label, getComputedStyle(cell, '::before').textTransform])"
    )
    assert ["App ID", "none"] in names
    assert ["Created at", "none"] in names


def test_many_workspaces_are_searched_by_keyboard_in_a_form_and_in_the_switch(
    page: Page, axe: str, stack: Stack
) -> None:
    run_in_service(stack, MANY_WORKSPACES)
    try:
        page.goto("console/testdevice/add/")
        page.get_by_role("combobox").filter(has=page.locator("#select2-id_workspace-container")).focus()
        page.keyboard.press("Enter")
        page.locator(".select2-search__field").fill("many-207")
        expect(page.locator(".select2-results__option--highlighted")).to_contain_text("many-207")
        page.keyboard.press("Enter")
        expect(page.locator("#select2-id_workspace-container")).to_contain_text("many-207")
        assert faults(page, axe) == []
        switch = page.get_by_label("Workspace", exact=True).and_(page.locator("[name=text]"))
        switch.fill("many-209")
        expect(page.locator("#console-workspaces option")).to_have_count(1)
        switch.press("Enter")
        expect(switch).to_have_value(re.compile("many-209$"))
        switch.fill("")
        with page.expect_navigation():
            switch.press("Enter")
        expect(switch).to_have_value("")
    finally:
        run_in_service(stack, NO_MORE_WORKSPACES)


@pytest.mark.parametrize("while_written", [False, True], ids=["before it is asked for", "while it is written"])
def test_an_export_says_that_the_session_has_ended_and_where_to_log_in(page: Page, while_written: bool) -> None:
    page.goto("pushcore/message/?kind=all")
    cookies: Any = page.context.cookies()
    if while_written:
        state = "/console/exports/1/"
        page.route("**/export/", lambda route: route.fulfill(status=202, json={"state": state}))
    page.context.clear_cookies(name="sessionid")
    try:
        page.get_by_role("button", name="Export to Excel").click()
        says = page.locator("[data-export-error]")
        expect(says).to_have_text("Your session has ended. Log in")
        expect(page.locator("[data-export-progress]")).to_be_hidden()
        says.get_by_role("link").click()
        expect(page.locator("[name=username]")).to_be_visible()
        assert parse_qs(urlsplit(page.url).query) == {"next": ["/console/pushcore/message/?kind=all"]}
    finally:
        page.unroute_all()
        page.context.add_cookies(cookies)

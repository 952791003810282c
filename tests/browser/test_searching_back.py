"""A list that had no time to search all of its table, in a browser: it says how far it came, and goes on when asked."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from console.components import change_list, searching_back
from pushcore.models import Message, Workspace
from pushcore.storage.timeouts import StatementTimeoutError
from tests.browser.conftest import MILLISECONDS
from tests.console.test_message_list import make


def test_older_rows_are_searched_by_a_button(
    browser: Browser, live_server: LiveServer, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is of this process: it is told that all rows take too long, and that three are a step."""

    def too_slow(*_: object) -> None:
        raise StatementTimeoutError

    monkeypatch.setattr(change_list.ConsoleChangeList, "fetch", too_slow)
    monkeypatch.setattr(searching_back, "FIRST_STEP", 3)
    monkeypatch.setattr(searching_back, "BUDGET", 0.0)
    made = [make(workspace, f"user-{number}")[0] for number in range(7)]
    Message.objects.filter(pk__in=[made[0].pk, made[5].pk]).update(status=-2)
    known = Client()
    known.force_login(User.objects.create_superuser("root"))
    cookie = known.cookies[settings.SESSION_COOKIE_NAME].value
    context = browser.new_context(base_url=live_server.url)
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
    context.set_default_timeout(MILLISECONDS)
    page = context.new_page()
    page.goto("/console/pushcore/message/?kind=all&status=revoked")
    rows, notice = page.locator("#result_list tbody tr.data-row"), page.locator(".console-searched")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("user-5")
    expect(notice).to_contain_text("The newest 3 entries were searched, back to")
    notice.get_by_role("link", name="Search older ones").click()
    expect(notice).to_be_visible()
    notice.get_by_role("link", name="Search older ones").click()
    expect(rows).to_contain_text("user-0")
    expect(notice).to_have_count(0)
    context.close()

"""Chromium of the system, as the tests and `make screenshots` drive it."""

from __future__ import annotations

import os
import shutil
from typing import Any
from urllib.parse import urlsplit

import requests
from playwright.sync_api import Browser, Playwright, StorageState

from tests.support.debian import find_program
from tests.support.fonts import chinese_font

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Debian's packages.
PACKAGES = ("chromium-headless-shell", "fonts-liberation")
MILLISECONDS = 15_000


def find_browser() -> str | None:
    """Return the program: without windows, or else the desktop's, which takes a third more processor time."""
    return find_program("chromium-headless-shell", *PACKAGES) or shutil.which("chromium")


def launch(playwright: Playwright, executable: str) -> Browser:
    """Start the browser, with a font for Chinese."""
    environment: dict[str, Any] = {**os.environ, **chinese_font()}
    return playwright.chromium.launch(executable_path=executable, args=FLAGS, env=environment)


def logged_in(demo: dict[str, str]) -> StorageState:
    """Log the demo's user in, as the form does; returns the cookies, for windows of a browser."""
    with requests.Session() as session:
        form = session.get(demo["console_url"], timeout=MILLISECONDS / 1000)
        given = {name: demo[name] for name in ("username", "password")}
        token = {"csrfmiddlewaretoken": session.cookies["csrftoken"]}
        answer = session.post(form.url, data=given | token, timeout=MILLISECONDS / 1000)
        assert answer.url == demo["console_url"], answer.url
        kept = [(cookie.name, cookie.value or "") for cookie in session.cookies]
    return {
        "cookies": [
            {
                "name": name,
                "value": value,
                "domain": urlsplit(demo["console_url"]).hostname or "",
                "path": "/",
                "expires": -1,
                "httpOnly": True,
                "secure": False,
                "sameSite": "Lax",
            }
            for name, value in kept
        ],
        "origins": [],
    }

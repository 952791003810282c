"""`make screenshots`: a picture of every page of the console, with demo data, in `var/screenshots/`.

Each is taken on a desktop and on a phone, light and dark, in English and in Chinese. With `--docs` the pictures of
README and docs are made too. Lives with the tests because it starts the service and the browser as they do, and goes by
the same list of pages.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import django
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Error, Page, StorageState, sync_playwright

from tests.support.browser import MILLISECONDS, PACKAGES, find_browser, launch, logged_in
from tests.support.stack import ROOT, Stack

SCREENSHOTS = ROOT / "var" / "screenshots"
IMAGES = ROOT / "docs" / "images"
DESKTOP, PHONE = (1440, 900), (390, 844)
SIZES = (DESKTOP, PHONE)
# A longer page is cut off.
_LONGEST = 6000
_COLOURS = 256


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a page is looked at with."""

    width: int
    height: int
    scheme: str = "light"
    language: str = "en"

    @property
    def name(self) -> str:
        """The name of the folder of its pictures."""
        return f"{self.width}-{self.scheme}-{self.language.partition('-')[0]}"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of README or docs: the part of a page that a window shows.

    Attributes:
        file: Its name in `docs/images/`.
        address: The page, below `/console/`; with `row`, the page of the first object listed there with that text.
    """

    file: str
    address: str
    surroundings: Surroundings
    row: str = ""


PICTURES: Sequence[Picture] = (
    Picture("console.png", "", Surroundings(1280, 860)),
    Picture("analysis.png", "analysis/", Surroundings(1280, 900)),
    Picture("task.png", "pushcore/pushtask/", Surroundings(1280, 900), row="Price drop on the wish list"),
    Picture("messages-phone-dark.png", "pushcore/message/", Surroundings(*PHONE, "dark")),
    Picture("create-chinese.png", "create/simple/", Surroundings(1280, 900, language="zh-CN")),
)


def open_context(
    browser: Browser, stack: Stack, state: StorageState | None, surroundings: Surroundings
) -> BrowserContext:
    """Open a window of the browser; `state`: the cookies of a login."""
    context = browser.new_context(
        storage_state=state,
        viewport={"width": surroundings.width, "height": surroundings.height},
        base_url=stack.demo["console_url"],
        color_scheme="dark" if surroundings.scheme == "dark" else "light",
        locale=surroundings.language,
        reduced_motion="reduce",
    )
    context.set_default_timeout(MILLISECONDS)
    return context


def first_row(page: Page, text: str = "") -> str | None:
    """Return the address of the page of the first object, with a text, in the list that is shown; None without one."""
    rows = page.locator("#result_list tbody tr").filter(has_text=text)
    link = rows.locator("th a[href], td a[href*='/change/']").first
    if not link.count():
        return None
    address = str(link.evaluate("link => link.href"))
    return address if "/change/" in address else None


def visit(page: Page) -> Iterator[str]:
    """Open each page of the console, and of each list the page of its first object; yields names for pictures.

    Raises:
        RuntimeError: A page does not answer.
    """
    from tests.support.console_pages import FURTHER_PAGES, console_pages

    for one in console_pages():
        try:
            answer = page.goto(one.address)
        except Error as error:
            raise RuntimeError(f"/console/{one.address} is no page? Name it in ANSWERS_OF_SCRIPTS.") from error
        if answer is None or answer.status != 200:
            raise RuntimeError(f"/console/{one.address} answers {answer and answer.status}")
        yield one.name
        if one.is_list and (address := first_row(page)) is not None:
            page.goto(address)
            yield f"{one.name}-one"
            for further in FURTHER_PAGES.get(one.address, ()):
                page.goto(address.replace("/change/", f"/{further}/"))
                yield f"{one.name}-{further}"


def take(page: Page, file: Path, size: tuple[int, int]) -> None:
    """Take a picture of the whole page, as wide as a window of this size."""
    width, height = size
    page.set_viewport_size({"width": width, "height": height})
    # In a window as high as the page, what sticks to its end stands there.
    height = min(int(page.evaluate("document.documentElement.scrollHeight")), _LONGEST)
    page.set_viewport_size({"width": width, "height": height})
    page.screenshot(path=file)


def take_all(browser: Browser, stack: Stack, state: StorageState, only: str = "") -> int:
    """Take a picture of every page in all surroundings, or in those with `only` in their name; returns how many."""
    taken = 0
    for scheme, language in product(("light", "dark"), ("en", "zh-CN")):
        wanted = [around for size in SIZES if only in (around := Surroundings(*size, scheme, language)).name]
        for around in wanted:
            (SCREENSHOTS / around.name).mkdir(parents=True, exist_ok=True)
        for name, page in _every_page(browser, stack, state, wanted):
            page.wait_for_load_state("networkidle")
            for around in wanted:
                take(page, SCREENSHOTS / around.name / f"{name}.png", (around.width, around.height))
                taken += 1
        for around in wanted:
            sys.stdout.write(f"{SCREENSHOTS / around.name}\n")
            sys.stdout.flush()
    return taken


def _every_page(
    browser: Browser, stack: Stack, state: StorageState, wanted: Sequence[Surroundings]
) -> Iterator[tuple[str, Page]]:
    """Open each page in the first of the surroundings, the login at first; yields its name and the window."""
    if not wanted:
        return
    guest = open_context(browser, stack, None, wanted[0])
    page = guest.new_page()
    page.goto("")
    yield "login", page
    guest.close()
    context = open_context(browser, stack, state, wanted[0])
    page = context.new_page()
    for name in visit(page):
        yield name, page
    context.close()


def make_pictures(browser: Browser, stack: Stack, state: StorageState) -> None:
    """Make the pictures of README and docs: with few colours, which a page of the console hardly has more of."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    for picture in PICTURES:
        context = open_context(browser, stack, state, picture.surroundings)
        page = context.new_page()
        page.goto(picture.address)
        if picture.row and (address := first_row(page, picture.row)) is not None:
            page.goto(address)
        page.wait_for_load_state("networkidle")
        shown = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        reduced = shown.quantize(_COLOURS, method=Image.Quantize.MEDIANCUT, kmeans=1, dither=Image.Dither.NONE)
        reduced.save(IMAGES / picture.file, optimize=True)
        sys.stdout.write(f"{IMAGES / picture.file}: {(IMAGES / picture.file).stat().st_size // 1024} KiB\n")
        context.close()


def main() -> int:
    """Start the service with demo data and take the pictures; returns the exit code."""
    parser = argparse.ArgumentParser(description="Take pictures of every page of the console.")
    parser.add_argument("--docs", action="store_true", help="make the pictures of README and docs too")
    parser.add_argument("--only", default="", help="of the surroundings only those with this in their name")
    parser.add_argument("--no-pages", action="store_true", help="leave the pages out")
    options = parser.parse_args()
    executable = find_browser()
    if executable is None:
        sys.stderr.write(f"no Chromium on this machine (Debian packages: {', '.join(PACKAGES)})\n")
        return 1
    with (
        tempfile.TemporaryDirectory(prefix="mps-screenshots-") as directory,
        Stack(Path(directory) / "var", MPS_DEMO_DATA="1") as stack,
    ):
        os.environ.update(stack.env())
        os.environ["DJANGO_SETTINGS_MODULE"] = "mps_project.settings"
        django.setup()
        with sync_playwright() as playwright:
            browser = launch(playwright, executable)
            state = logged_in(stack.demo)
            if not options.no_pages:
                sys.stdout.write(f"{take_all(browser, stack, state, options.only)} pictures\n")
            if options.docs:
                make_pictures(browser, stack, state)
            browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""One Chromium in which all agents of the TypeScript SDK have their pages: a store is a profile, an agent is a page.

An agent (chromium_agent.py) connects to a UNIX socket, whose path is the argument, and passes its lines on. When it is
killed, its page is closed at once, as a tab is. What a profile keeps is written to the store's path at the command
`exit`, so that a scenario can copy it. The suite's proxy speaks TCP, and a page WebSocket only, so the two are bridged.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Route, async_playwright
from websockets import ConnectionClosed, Subprotocol
from websockets.asyncio.server import Server, ServerConnection, serve

from tests.support.browser import FLAGS

AGENTS = Path(__file__).resolve().parent
BUNDLE = AGENTS.parent.parent / "js" / "dist" / "mps-device.min.js"
PATH = "/conformance"
# Lines go to the page, and come from it, as many at once as there are: each way costs milliseconds.
PAGE = f"""<!doctype html><title>agent</title><script src="{PATH}/sdk.js"></script>
<script type="module">
  import {{ makeAgent }} from '{PATH}/commands.mjs';
  const lines = [];
  const write = (values) => {{
    if (lines.push(values) === 1) {{
      setTimeout(() => window.writeLines(lines.splice(0)));
    }}
  }};
  window.answer = makeAgent(MpsDevice, () => new MpsDevice.IndexedDBStore(), write);
</script>"""
FILES = {
    f"{PATH}/page": ("text/html", lambda: PAGE),
    f"{PATH}/sdk.js": ("text/javascript", BUNDLE.read_text),
    f"{PATH}/commands.mjs": ("text/javascript", (AGENTS / "javascript_commands.mjs").read_text),
}
# The page comes from this program and not from the network, so the browser takes it for a stranger to this host.
ARGUMENTS = [*FLAGS, "--disable-features=LocalNetworkAccessChecks"]
LINE_BYTES = 2**24


async def bridge(socket: ServerConnection, host: str, port: int) -> None:
    """Carry bytes between a page's WebSocket and the proxy, until one of them ends."""
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError:
        return

    async def up() -> None:
        async for frame in socket:
            assert isinstance(frame, bytes)
            writer.write(frame)
            await writer.drain()

    async def down() -> None:
        while data := await reader.read(65_536):
            await socket.send(data)

    tasks = {asyncio.create_task(up()), asyncio.create_task(down())}
    _, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in left:
        task.cancel()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError, ConnectionClosed, OSError):
            await task
    writer.close()


async def serve_file(route: Route) -> None:
    """Answer a request for one of the page's files; others, such as the SDK's own, go to the service."""
    file = FILES.get(urlsplit(route.request.url).path)
    if file is None:
        await route.continue_()
    else:
        await route.fulfill(content_type=file[0], body=file[1]())


@dataclass
class Profile:
    """A profile of the browser, and how many pages it has. Pages are opened and closed one after the other."""

    context: BrowserContext | None = None
    pages: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Host:
    """The browser and its profiles."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._profiles: dict[str, Profile] = {}

    async def serve_agent(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry out the lines of an agent until `exit` or its end."""

        def write(lines: list[dict[str, Any]]) -> None:
            writer.write("".join(f"{json.dumps(line)}\n" for line in lines).encode())

        write([{"event": "ready"}])
        first = await reader.readline()
        if not first:
            return
        line = json.loads(first)
        path = Path(line["store"])
        profile = self._profiles.setdefault(str(path), Profile())
        async with profile.lock:
            profile.context = profile.context or await self._open_profile(path)
            server = await self._open_bridge(line["config"])
            page = await self._open_page(profile.context, line["config"]["httpEndpoint"], write)
            profile.pages += 1
        await page.evaluate("line => window.answer(line)", line)
        has_left = await self._pass_lines(reader, page)
        async with profile.lock:
            await page.close()
            server.close()
            profile.pages -= 1
            if has_left and not profile.pages:
                await profile.context.storage_state(path=path, indexed_db=True)
                await profile.context.close()
                profile.context = None
        writer.close()

    async def _pass_lines(self, reader: asyncio.StreamReader, page: Page) -> bool:
        """Pass lines on to the page; returns whether the agent left by `exit`."""
        tasks, rest = set(), b""
        while chunk := await reader.read(LINE_BYTES):
            *texts, rest = (rest + chunk).split(b"\n")
            lines = [json.loads(text) for text in texts]
            answering = asyncio.create_task(
                page.evaluate("lines => { window.last = Promise.all(lines.map(window.answer)); }", lines)
            )
            tasks.add(answering)
            answering.add_done_callback(tasks.discard)
            if any(line["do"] == "exit" for line in lines):
                await answering
                # Its answer goes by a timer, which comes before this one.
                await page.evaluate("() => window.last.then(() => new Promise((resolve) => setTimeout(resolve)))")
                return True
        return False

    async def _open_profile(self, path: Path) -> BrowserContext:
        context = await self._browser.new_context(storage_state=path if path.exists() else None)
        await context.route("**/*", serve_file)
        return context

    async def _open_bridge(self, config: dict[str, str]) -> Server:
        gateway = urlsplit(config["endpoint"])
        server = await serve(
            lambda socket: bridge(socket, str(gateway.hostname), int(gateway.port or 0)),
            "127.0.0.1",
            0,
            subprotocols=[Subprotocol("mqtt")],
            compression=None,
        )
        config["endpoint"] = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        return server

    async def _open_page(self, context: BrowserContext, origin: str, write: Any) -> Page:
        """Open the page on the service's own origin."""
        page = await context.new_page()
        page.on("console", log)
        await page.expose_function("writeLines", write)
        await page.goto(f"{origin}{PATH}/page")
        await page.wait_for_function("'answer' in window")
        return page


def log(said: ConsoleMessage) -> None:
    """Pass on what a page logs."""
    sys.stderr.write(f"{said.text}\n")


async def main(path: str) -> None:
    """Serve agents until standard input ends."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        host = Host(browser)

        async def agent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError):
                try:
                    await host.serve_agent(reader, writer)
                except Error as error:
                    sys.stderr.write(f"{error}\n")
                    writer.close()

        async with await asyncio.start_unix_server(agent, path, limit=LINE_BYTES):
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            await asyncio.to_thread(sys.stdin.read)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

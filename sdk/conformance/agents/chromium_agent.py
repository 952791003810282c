"""The agent of the TypeScript SDK in Chromium: a page with the browser's bundle, whose profile is the store.

The suite's proxy speaks TCP, and a page WebSocket only, so the agent bridges the two.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Error, Page, Playwright, Route, async_playwright
from websockets import ConnectionClosed, Subprotocol
from websockets.asyncio.server import ServerConnection, serve

from tests.support.browser import FLAGS

AGENTS = Path(__file__).resolve().parent
BUNDLE = AGENTS.parent.parent / "js" / "dist" / "mps-device.min.js"
PATH = "/conformance"
PAGE = f"""<!doctype html><title>agent</title><script src="{PATH}/sdk.js"></script>
<script type="module">
  import {{ makeAgent }} from '{PATH}/commands.mjs';
  window.answer = makeAgent(MpsDevice, () => new MpsDevice.IndexedDBStore(), window.write);
</script>"""
FILES = {
    f"{PATH}/page": ("text/html", lambda: PAGE),
    f"{PATH}/sdk.js": ("text/javascript", BUNDLE.read_text),
    f"{PATH}/commands.mjs": ("text/javascript", (AGENTS / "javascript_commands.mjs").read_text),
}
LAUNCHES = 20
# The page comes from this program and not from the network, so the browser takes it for a stranger to this host.
ARGUMENTS = [*FLAGS, "--disable-features=LocalNetworkAccessChecks"]


def write(values: dict[str, Any]) -> None:
    """Write a line."""
    sys.stdout.write(f"{json.dumps(values)}\n")
    sys.stdout.flush()


def log(said: ConsoleMessage) -> None:
    """Pass on what the page logs."""
    sys.stderr.write(f"{said.text}\n")


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


async def launch(playwright: Playwright, profile: str) -> BrowserContext:
    """Start the browser on a profile; one that was killed a moment ago may still be about to end."""
    for attempt in range(LAUNCHES):
        try:
            return await playwright.chromium.launch_persistent_context(
                profile, executable_path=shutil.which("chromium"), args=ARGUMENTS
            )
        except Error:
            if attempt == LAUNCHES - 1:
                raise
            await asyncio.sleep(0.2)
    raise AssertionError


async def open_page(playwright: Playwright, line: dict[str, Any]) -> tuple[BrowserContext, Page]:
    """Open the page that the command `configure` asks for, on the service's own origin."""
    config = line["config"]
    gateway = urlsplit(config["endpoint"])
    server = await serve(
        lambda socket: bridge(socket, str(gateway.hostname), int(gateway.port or 0)),
        "127.0.0.1",
        0,
        subprotocols=[Subprotocol("mqtt")],
        compression=None,
    )
    config["endpoint"] = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
    context = await launch(playwright, line["store"])
    page = await context.new_page()
    page.on("console", log)
    await page.expose_function("write", write)
    await page.route("**/*", serve_file)
    await page.goto(f"{config['httpEndpoint']}{PATH}/page")
    await page.wait_for_function("'answer' in window")
    return context, page


async def main() -> None:
    """Serve lines until `exit` or the end of input. A request that waits for a connection delays no other."""
    reader = asyncio.StreamReader(limit=2**24)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with async_playwright() as playwright:
        write({"event": "ready"})
        context: BrowserContext | None = None
        page: Page | None = None
        tasks = set()
        while raw := await reader.readline():
            line = json.loads(raw)
            if line["do"] == "configure":
                try:
                    context, page = await open_page(playwright, line)
                except Error as error:
                    write({"id": line["id"], "ok": False, "error": f"no browser: {error.message[:300]}"})
                    continue
            assert page is not None
            task = asyncio.create_task(page.evaluate("line => window.answer(line)", line))
            if line["do"] in ("configure", "exit"):
                await task
            else:
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            if line["do"] == "exit":
                break
        if context is not None:
            await context.close()


if __name__ == "__main__":
    asyncio.run(main())
    sys.stdout.flush()
    os._exit(0)  # tasks that wait for a connection are of no interest any more

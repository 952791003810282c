"""The agent of the Python SDK: JSON lines on standard input and output (sdk/conformance/README.md)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from mps_device import AsyncPushClient, Config, ManualClock, Message, NotRunningError, State, Store, SystemClock

Line = dict[str, Any]
# Requests that may wait, for a connection or for others that are written to the store with them.
MAY_WAIT = {"bind", "unbind", "report", "withdraw", "unregister", "opened", "ignored"}

WAIT_SECONDS = 20


def write(**values: object) -> None:
    """Write a line."""
    sys.stdout.write(f"{json.dumps(values)}\n")
    sys.stdout.flush()


class HandlerError(Exception):
    """The handler fails because the scenario wants it to."""


class Agent:
    """Runs one client as the lines of standard input say."""

    def __init__(self) -> None:
        self.client: AsyncPushClient
        self.clock: SystemClock | ManualClock = SystemClock()
        self.mode = "accept"
        self.released = asyncio.Event()

    async def configure(self, line: Line) -> None:
        """Make the client."""
        if line.get("clock") == "manual":
            self.clock = ManualClock(line.get("now"))
        config = Config.from_mapping(line["config"])
        self.client = AsyncPushClient(config, Store(line["store"]), self.clock)
        self.client.on_message = self.on_message
        self.client.on_revoked = lambda k: write(event="revoked", k=k)
        self.client.on_notification_opened = lambda k: write(event="opened", k=k)
        self.client.on_state = self.on_state

    async def on_message(self, message: Message) -> None:
        """Show a message, then do with it what the scenario wants."""
        write(event="message", k=message.k, bData=message.data, repeat=message.repeat)
        if self.mode == "fail":
            raise HandlerError
        if self.mode == "hold":
            await self.released.wait()

    def on_state(self, state: State) -> None:
        """Show a state."""
        write(event="state", state=state.status.value, reason=state.reason, seconds=state.seconds)

    async def bind(self, line: Line) -> None:
        """Bind a user, with a proof where the scenario has one."""
        proof = line.get("proof")
        await self.client.bind(line["userId"], None if proof is None else lambda user_id, ad_token: str(proof))

    async def handler(self, line: Line) -> None:
        """Choose what the handler does."""
        self.mode = line["mode"]
        self.released = asyncio.Event()

    async def release(self, _line: Line) -> None:
        """Let handlers that hold return, and further ones accept."""
        self.mode = "accept"
        self.released.set()

    async def advance(self, line: Line) -> None:
        """Let time pass."""
        assert isinstance(self.clock, ManualClock)
        self.clock.advance(line["seconds"])

    async def token(self, _line: Line) -> str | None:
        """Return the Ad-token, once what was asked before is in the store: the network thread takes it in order."""
        engine, taken = self.client._client._engine, Future[None]()
        if engine is not None and not engine.has_ended:
            with contextlib.suppress(NotRunningError):
                engine.post(lambda: taken.set_result(None))
                await asyncio.wait([asyncio.wrap_future(taken)], timeout=WAIT_SECONDS)
        return self.client.token

    async def read_inbox(self, line: Line) -> Line:
        """Return a page of the inbox."""
        page = await self.client.read_inbox(before=line.get("before", ""), limit=line.get("limit", 20))
        messages = [{"k": one.k, "msgKey": one.msgkey, "read": one.is_read} for one in page.messages]
        return {"messages": messages, "next": page.next, "unread": page.unread}

    async def diagnostics(self, _line: Line) -> list[str]:
        """Return the log."""
        return self.client.diagnostics()

    async def answer(self, line: Line) -> None:
        """Carry out a line and answer it."""
        try:
            result = await COMMANDS[line["do"]](self, line)
        except Exception as error:  # the scenario judges
            write(id=line["id"], ok=False, error=f"{type(error).__name__}: {error}")
        else:
            write(id=line["id"], ok=True, result=result)


COMMANDS: dict[str, Callable[[Agent, Line], Awaitable[Any]]] = {
    "configure": Agent.configure,
    "start": lambda agent, line: agent.client.start(consent=line.get("consent", True)),
    "stop": lambda agent, _: agent.client.stop(),
    "token": Agent.token,
    "bind": Agent.bind,
    "unbind": lambda agent, _: agent.client.unbind(),
    "report": lambda agent, line: agent.client.report_vendor_token(line["channel"], line["token"]),
    "withdraw": lambda agent, _: agent.client.withdraw_vendor_token(),
    "vendor": lambda agent, line: agent.client.vendor_message(line["data"]),
    "opened": lambda agent, line: agent.client.opened(line["k"]),
    "ignored": lambda agent, line: agent.client.ignored(line["k"]),
    "readInbox": Agent.read_inbox,
    "countUnread": lambda agent, _: agent.client.count_unread(),
    "markRead": lambda agent, line: agent.client.mark_read(*line["ks"]),
    "markAllRead": lambda agent, _: agent.client.mark_all_read(),
    "deleteFromInbox": lambda agent, line: agent.client.delete_from_inbox(*line["ks"]),
    "addTags": lambda agent, line: agent.client.add_tags(*line["names"]),
    "removeTags": lambda agent, line: agent.client.remove_tags(*line["names"]),
    "subscribe": lambda agent, line: agent.client.subscribe(*line["names"]),
    "unsubscribe": lambda agent, line: agent.client.unsubscribe(*line["names"]),
    "setAttributes": lambda agent, line: agent.client.set_attributes(line["values"]),
    "unsetAttributes": lambda agent, line: agent.client.unset_attributes(*line["names"]),
    "setMarketingConsent": lambda agent, line: agent.client.set_marketing_consent(line["consent"]),
    "unregister": lambda agent, _: agent.client.unregister(),
    "handler": Agent.handler,
    "release": Agent.release,
    "advance": Agent.advance,
    "diagnostics": Agent.diagnostics,
    "outbox": lambda agent, _: agent.client.count_outbox(),
}


async def main() -> None:
    """Serve lines until `exit` or the end of input."""
    agent, tasks = Agent(), set[asyncio.Task[None]]()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(32))
    reader = asyncio.StreamReader(limit=2**24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    write(event="ready")
    while raw := await reader.readline():
        line = json.loads(raw)
        if line["do"] == "exit":
            await agent.client.close()
            write(id=line["id"], ok=True)
            return
        answering = asyncio.create_task(agent.answer(line))
        tasks.add(answering)
        answering.add_done_callback(tasks.discard)
        if line["do"] not in MAY_WAIT:
            await answering


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(main())

"""An agent: the program of an SDK that does what a scenario wants, driven by JSON lines."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

WAIT_SECONDS = 30.0
Event = dict[str, Any]


class AgentError(Exception):
    """The agent answered that a command failed."""


class Agent:
    """A running agent. A context manager, at whose end the program is killed.

    Attributes:
        events: All that the agent told, in order: states, messages, revocations.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        self._log = (folder / "agent.log").open("ab")
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, env=dict(environment), text=True
        )
        self.events: list[Event] = []
        self._answers: dict[int, Event] = {}
        self._number = 0
        # How many events `next_state` has passed.
        self._passed = 0
        self._ended = False
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.wait_for("ready")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def kill(self) -> None:
        """Kill the program, as a system does that needs the memory. Idempotent."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for file in (self._process.stdin, self._process.stdout, self._log):
            assert file is not None
            with contextlib.suppress(BrokenPipeError):
                file.close()

    def leave(self) -> None:
        """Have the program end by itself, and wait for that."""
        self.do("exit")
        self._process.wait(WAIT_SECONDS)

    # -- commands -------------------------------------------------------------------------------------------------

    def ask(self, command: str, **values: object) -> int:
        """Send a command without waiting for its answer; returns its number."""
        assert self._process.stdin is not None
        self._number += 1
        self._process.stdin.write(f"{json.dumps({'id': self._number, 'do': command} | values)}\n")
        self._process.stdin.flush()
        return self._number

    def answer(self, number: int) -> Any:
        """Wait for the answer to a command; returns its result.

        Raises:
            AgentError: The command failed.
        """
        self._wait(lambda: number in self._answers, f"the answer to command {number}")
        answer = self._answers.pop(number)
        if not answer["ok"]:
            raise AgentError(answer["error"])
        return answer.get("result")

    def has_answered(self, number: int) -> bool:
        """Tell whether a command was answered."""
        return number in self._answers

    def do(self, command: str, **values: object) -> Any:
        """Send a command and wait for its answer; returns its result.

        Raises:
            AgentError: The command failed.
        """
        return self.answer(self.ask(command, **values))

    # -- events ---------------------------------------------------------------------------------------------------

    def wait_for(self, event: str, *, after: int = 0, **values: object) -> Event:
        """Wait for an event with these values among those from position `after` on, and return it."""

        def find() -> Event | None:
            wanted = {"event": event} | values
            return next((one for one in self.events[after:] if wanted.items() <= one.items()), None)

        self._wait(lambda: find() is not None, f"{event} {values}")
        found = find()
        assert found is not None
        return found

    def next_state(self, *states: str) -> Event:
        """Wait for the next state of these (all, if none is named) after those this has returned, and return it."""

        def find() -> int | None:
            return next((i for i, one in enumerate(self.events) if i >= self._passed and is_wanted(one)), None)

        def is_wanted(event: Event) -> bool:
            return event["event"] == "state" and (not states or event["state"] in states)

        self._wait(lambda: find() is not None, f"a state {states}")
        place = find()
        assert place is not None
        self._passed = place + 1
        return self.events[place]

    def connect_again(self) -> list[float]:
        """Let time pass whenever the agent waits for its next attempt, until it is connected; returns the waits."""
        waits = []
        while (state := self.next_state("waiting", "connected", "refused", "replaced"))["state"] == "waiting":
            waits.append(float(state["seconds"]))
            self.do("advance", seconds=state["seconds"])
        assert state["state"] == "connected", state
        return waits

    def wait_for_message(self, msgkey: str) -> Event:
        """Wait for a message by its msgKey, and return it."""
        self._wait(lambda: msgkey in self.msgkeys(), f"message {msgkey}")
        return next(one for one in self.messages() if one["bData"]["msgKey"] == msgkey)

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Ask again and again until a condition holds."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain: {what}"
            time.sleep(0.02)

    def messages(self) -> list[Event]:
        """Return the messages that the handler was given, in order."""
        return [one for one in list(self.events) if one["event"] == "message"]

    def msgkeys(self) -> list[str]:
        """Return the msgKeys of the messages that the handler was given, in order."""
        return [one["bData"]["msgKey"] for one in self.messages()]

    def states(self) -> list[str]:
        """Return the states so far, in order."""
        return [one["state"] for one in list(self.events) if one["event"] == "state"]

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        with self._changed:
            done = self._changed.wait_for(lambda: condition() or self._ended, WAIT_SECONDS)
        assert done, f"waited in vain for {what}; events: {self.events[-10:]}"
        assert condition(), f"the agent has ended; waited for {what}; its log is beside its store"

    def _read(self) -> None:
        assert self._process.stdout is not None
        for raw in self._process.stdout:
            line = json.loads(raw)
            with self._changed:
                if "id" in line:
                    self._answers[line["id"]] = line
                else:
                    self.events.append(line)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

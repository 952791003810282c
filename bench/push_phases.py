"""The time of one PushSimple by phase: the real code and database, one call after the other.

A child process of `bench.push_api` in the service's environment. It reads `{"demo", "ad_tokens", "targets", "calls"}`
from standard input and prints `{phase: [milliseconds, CPU milliseconds]}` of one call: the median, and the mean of the
CPU time.
"""

from __future__ import annotations

import functools
import io
import json
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bench.signed_push import SignedPush, Signer

FRAMEWORK = "framework and the rest"
WARM_UP = 200


class Stopwatch:
    """Measures time by phase; the time of an inner phase does not count for the outer one."""

    def __init__(self) -> None:
        self.spent: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        self._open: list[str] = []
        self._since = (0.0, 0.0)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the time spent inside the `with` for a phase."""
        self._charge()
        self._open.append(name)
        try:
            yield
        finally:
            self._charge()
            self._open.pop()

    def _charge(self) -> None:
        now = (time.perf_counter(), time.thread_time())
        if self._open:
            spent = self.spent[self._open[-1]]
            spent[0] += (now[0] - self._since[0]) * 1000
            spent[1] += (now[1] - self._since[1]) * 1000
        self._since = now

    def wrap(self, owner: Any, name: str, phase: str) -> None:
        """Count the time of every call of `owner.name` for a phase."""
        original: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(original)
        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.phase(phase):
                return original(*args, **kwargs)

        setattr(owner, name, timed)


def _watch(watch: Stopwatch) -> None:
    """Measure the functions that each phase of a push consists of."""
    from pushcore.api import access_keys, throttle
    from pushcore.api.operations.pushes import PushSimpleSchema
    from pushcore.api.rpc import endpoint
    from pushcore.delivery import dispatch
    from pushcore.push import limits, pushes

    watch.wrap(endpoint, "_read", "reading parameters")
    watch.wrap(endpoint, "_verify_v1", "signature")
    watch.wrap(access_keys, "known_key", "access key, workspace")
    watch.wrap(access_keys, "workspace_of", "access key, workspace")
    watch.wrap(throttle, "take", "nonce and rate")
    watch.wrap(PushSimpleSchema, "read", "validation")
    watch.wrap(limits, "check", "validation")
    watch.wrap(limits, "check_payload", "validation")
    watch.wrap(pushes, "accept", "database: claim, resolve, insert, commit")
    watch.wrap(dispatch, "to_lanes", "dispatch")


def _environ(push: SignedPush) -> dict[str, Any]:
    from django.test import RequestFactory

    request = RequestFactory(headers={"accept": "application/json"}).post(
        f"/?{push.query}", push.body, content_type="application/x-www-form-urlencoded"
    )
    return request.environ | {"wsgi.input": io.BytesIO(push.body)}


def measure(signer: Signer, targets: int, calls: int) -> dict[str, list[float]]:
    """Return the median wall time and the mean CPU time of each phase over `calls` calls, after a warm-up."""
    from mps_project.wsgi import application

    watch = Stopwatch()
    _watch(watch)
    samples: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for number in range(WARM_UP + calls):
        environ = _environ(signer.push(targets))
        watch.spent.clear()
        statuses: list[str] = []
        with watch.phase(FRAMEWORK):
            answer = application(environ, lambda status, _headers, into=statuses: into.append(status))
            body = b"".join(answer)
            answer.close()
        if b'"Success": true' not in body:
            sys.exit(f"refused: {statuses} {body!r}")
        if number >= WARM_UP:
            for name, (wall, cpu) in watch.spent.items():
                samples[name].append((wall, cpu))
    return {
        name: [statistics.median(wall for wall, _ in spent), statistics.fmean(cpu for _, cpu in spent)]
        for name, spent in samples.items()
    }


def main() -> None:
    """Measure the calls that standard input asks for, and print the phases as JSON."""
    given = json.load(sys.stdin)
    print(json.dumps(measure(Signer(given["demo"], given["ad_tokens"]), given["targets"], given["calls"])))


if __name__ == "__main__":
    main()

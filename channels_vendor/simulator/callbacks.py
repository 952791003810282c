"""Post a simulated vendor's delivery reports.

Each goes out a while after the answer, and again where a backend did not take it.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import requests

from channels_vendor.simulator.script import Callback, Ledger

THREADS = 4
TIMEOUT_SECONDS = 5.0
ATTEMPTS = 30
AGAIN_SECONDS = 1.0
# Beyond so many that wait, delivery reports are left out.
MAX_WAITING = 10_000


class Poster:
    """Posts from threads of its own; lives on the event loop that calls it."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="reports")
        self._waiting: set[asyncio.Task[None]] = set()

    def post(self, callback: Callback, delay: float, ledger: Ledger) -> None:
        """Post after `delay` seconds; the ledger notes what each attempt was answered."""
        if len(self._waiting) < MAX_WAITING:
            task = asyncio.get_running_loop().create_task(self._post(callback, delay, ledger))
            self._waiting.add(task)
            task.add_done_callback(self._waiting.discard)

    def stop(self) -> None:
        """Forget what has not been posted."""
        for task in self._waiting:
            task.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _post(self, callback: Callback, delay: float, ledger: Ledger) -> None:
        for attempt in range(ATTEMPTS):
            await asyncio.sleep(AGAIN_SECONDS if attempt else delay)
            status = await asyncio.get_running_loop().run_in_executor(self._threads, _status_of, callback)
            ledger.reports[status] += 1
            if status == 200:
                return


def _status_of(callback: Callback) -> int:
    """Post to a backend; return the status it answers, 0 where there is no answer."""
    with requests.Session() as session:
        session.trust_env = False  # no proxy stands between
        try:
            answer = session.post(callback.url, callback.body, headers=callback.headers, timeout=TIMEOUT_SECONDS)
        except requests.RequestException:
            return 0
    return answer.status_code

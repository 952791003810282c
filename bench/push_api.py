"""`make bench-push_api`: pushes accepted a second at the RPC API, committed, with the whole service running.

Starts the service in a temporary directory and calls PushSimple (2019-08-21, signature version 1) over keep-alive
connections, each request with a signature, nonce, timestamp and msgkey of its own. The benchmark checks that every
accepted push is in PostgreSQL. As a reference, pgbench commits the same task and message rows with 16 clients and does
nothing else. At last the benchmark shows where the time of one call goes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg2

from bench import load, reference
from bench.report import percentile, report, table
from bench.signed_push import Signer
from tests.support.stack import ROOT, Stack

DEVICES = 1000
TARGETS = (1, 10)
CONNECTIONS = (50, 200)
# More requests than the service can handle are signed before a run, which ends when they are used up.
SIGNED_AHEAD_PER_SECOND = 4000
WARM_UP_SECONDS = 3.0
GOAL_PER_SECOND = 1200
PHASE_CALLS = 2000
SUCCESS = b'"Success": true'


@dataclass(frozen=True, slots=True)
class Run:
    """A load run.

    Attributes:
        targets: Targets of each push.
        cpu_seconds: CPU time of the service's processes, by name.
        other_work: The share of the machine's CPU time that other work took, 0 to 1.
    """

    targets: int
    connections: int
    load: load.Load
    cpu_seconds: Mapping[str, float]
    other_work: float


class Bench:
    """The service under load."""

    def __init__(self, stack: Stack, seconds: float) -> None:
        self.stack, self.seconds, self.demo = stack, seconds, stack.demo
        self.database_url = stack.env()["DATABASE_URL"]
        self.ad_tokens = [hashlib.sha256(f"bench {number}".encode()).hexdigest() for number in range(DEVICES)]
        self.signer = Signer(self.demo, self.ad_tokens)

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run a statement on the service's database; returns its rows."""
        with closing(psycopg2.connect(self.database_url)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(sql, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def make_devices(self) -> None:
        """Register devices in the demo workspace; they are not connected."""
        self.query(
            "INSERT INTO pushcore_device (workspace_id, ad_token, secret_hash, platform, manufacturer, model,"
            " os_version, app_version, third_token, created_at)"
            " SELECT w.id, token, '', 1, '', '', '', '', '', now() FROM unnest(%s) AS token,"
            " (SELECT id FROM pushcore_workspace ORDER BY id LIMIT 1) w",
            self.ad_tokens,
        )

    def run(self, targets: int, connections: int, seconds: float) -> Run:
        """Run the load; ends the benchmark if a push was refused, or accepted and not committed."""
        address = urlsplit(self.stack.url)
        assert address.hostname is not None
        assert address.port is not None
        requests = [
            self.signer.push(targets).http(address.netloc) for _ in range(int(seconds * SIGNED_AHEAD_PER_SECOND))
        ]
        tasks, messages = self._rows()
        cpu, machine = self._cpu_seconds(), psutil.cpu_times()
        done = load.run(
            (address.hostname, address.port), requests, connections=connections, seconds=seconds, success=SUCCESS
        )
        spent = {name: now - cpu.get(name, 0.0) for name, now in self._cpu_seconds().items()}
        other_work = _busy_share(machine, psutil.cpu_times(), sum(spent.values()) + done.cpu_seconds)
        tasks_now, messages_now = self._rows()
        if done.other:
            sys.exit(f"{done.other} pushes were not accepted: {done.first_other!r}")
        if (tasks_now - tasks, messages_now - messages) != (done.accepted, done.accepted * targets):
            sys.exit(
                f"{done.accepted} pushes of {targets} accepted,"
                f" {tasks_now - tasks} tasks and {messages_now - messages} messages committed"
            )
        return Run(targets, connections, done, spent, other_work)

    def _rows(self) -> tuple[int, int]:
        tasks, messages = self.query("SELECT (SELECT count(*) FROM pushcore_pushtask), count(*) FROM pushcore_message")[
            0
        ]
        return int(tasks), int(messages)

    def _cpu_seconds(self) -> dict[str, float]:
        """Return the CPU time of each of the service's processes so far, with children that have ended."""
        spent: dict[str, float] = {}
        for name, pid in self.stack.pids.items():
            leader = psutil.Process(pid)
            spent[name] = sum(map(_cpu_seconds_of, [leader, *leader.children(recursive=True)]))
        return spent

    def reference(self, targets: int) -> float:
        """Return the transactions a second of the bare inserts."""
        script = self.stack.data_dir / f"reference-{targets}.sql"
        script.write_text(reference.script(self.database_url, targets))
        return reference.run(self.database_url, script, self.seconds)

    def phases(self, targets: int, calls: int) -> dict[str, list[float]]:
        """Run `bench.push_phases` in a process of its own."""
        parameters = {"demo": self.demo, "ad_tokens": self.ad_tokens, "targets": targets, "calls": calls}
        done = subprocess.run(
            [sys.executable, "-m", "bench.push_phases"],
            input=json.dumps(parameters),
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=self.stack.env(),
            check=True,
        )
        answer: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
        return answer


def _busy_share(before: Any, after: Any, own: float) -> float:
    """Return the share of the machine's CPU time that other processes used."""
    spent = {name: getattr(after, name) - getattr(before, name) for name in after._fields if "guest" not in name}
    everything = float(sum(spent.values()))
    idle = float(spent["idle"] + spent.get("iowait", 0.0))
    return max(0.0, everything - idle - own) / everything


def _cpu_seconds_of(process: psutil.Process) -> float:
    try:
        return sum(process.cpu_times()[:4])
    except psutil.NoSuchProcess:  # it ended: its parent's times include it
        return 0.0


def measure(rounds: int, seconds: float, calls: int) -> bool:
    """Run the benchmark; returns whether the goal was reached."""
    with (
        tempfile.TemporaryDirectory(prefix="mps-bench-") as directory,
        Stack(Path(directory) / "var", MPS_LOG_LEVEL="WARNING", MPS_API_RATE_PER_SECOND="1000000") as stack,
    ):
        bench = Bench(stack, seconds)
        bench.make_devices()
        for targets in TARGETS:
            bench.run(targets, CONNECTIONS[0], WARM_UP_SECONDS)
        runs: list[Run] = []
        references: dict[int, list[float]] = defaultdict(list)
        for number in range(rounds):
            for targets in TARGETS:
                for connections in CONNECTIONS:
                    runs.append(bench.run(targets, connections, seconds))
                    print(f"round {number + 1}: {_summary(runs[-1])}", flush=True)
                references[targets].append(bench.reference(targets))
        phases = {targets: bench.phases(targets, calls) for targets in TARGETS} if calls else {}
    return _report(runs, references, phases)


def _summary(run: Run) -> str:
    return (
        f"{run.targets} targets, {run.connections} connections: {run.load.per_second:.0f}/s,"
        f" {run.load.accepted} accepted and found; other work took {run.other_work:.0%} of the machine"
    )


def _report(
    runs: Sequence[Run], references: Mapping[int, Sequence[float]], phases: Mapping[int, Mapping[str, Sequence[float]]]
) -> bool:
    print(f"\n{shlex.join([Path(sys.executable).name, '-m', 'bench.push_api', *sys.argv[1:]])}")
    print(f"{platform.release()}, {os.cpu_count()} cores")
    rows: list[dict[str, object]] = []
    costs: list[dict[str, object]] = []
    figures: dict[str, float] = {}
    for targets in TARGETS:
        bare = statistics.median(references[targets])
        figures[f"reference_{targets}_per_s"] = round(bare)
        for connections in CONNECTIONS:
            same = [run for run in runs if (run.targets, run.connections) == (targets, connections)]
            row, cost = _row(same, bare), _cost(same)
            rows.append(row)
            costs.append(cost)
            figures[f"pushes_{targets}_targets_{connections}_connections_per_s"] = float(str(row["pushes/s"]))
    print("\nCPU milliseconds for each push, by process (mean)\n")
    table(costs)
    if phases:
        print("\nOne call at a time in one process, milliseconds: median, and CPU of its thread (mean)\n")
        table(_phase_rows(phases))
    best = max(value for name, value in figures.items() if name.startswith("pushes_1_"))
    figures["below_goal_per_s"] = max(0.0, GOAL_PER_SECOND - best)
    return report("push_api", rows, figures, {"below_goal_per_s": 0.0})


def _row(same: Sequence[Run], bare: float) -> dict[str, object]:
    """Return a row with the medians over runs of one kind."""
    rate = statistics.median(run.load.per_second for run in same)
    shares = {"p50 ms": 0.5, "p99 ms": 0.99}
    return {
        "targets": same[0].targets,
        "connections": same[0].connections,
        "pushes/s": f"{rate:.0f}",
        "runs": " ".join(f"{run.load.per_second:.0f}" for run in same),
        **{
            head: f"{statistics.median(percentile(run.load.milliseconds, share) for run in same):.1f}"
            for head, share in shares.items()
        },
        "accepted = committed": sum(run.load.accepted for run in same),
        "client CPU": f"{statistics.median(run.load.cpu_seconds / run.load.seconds for run in same):.0%}",
        "other work": f"{statistics.median(run.other_work for run in same):.0%}",
        "bare inserts/s": f"{bare:.0f}",
        "ratio": f"{rate / bare:.2f}",
    }


def _cost(same: Sequence[Run]) -> dict[str, object]:
    pushes = sum(run.load.accepted for run in same)
    spent: dict[str, float] = defaultdict(float)
    for run in same:
        for name, seconds in run.cpu_seconds.items():
            spent[name] += seconds
        spent["client"] += run.load.cpu_seconds
    spent["all"] = sum(spent.values())
    return {"targets": same[0].targets, "connections": same[0].connections} | {
        name: f"{seconds / pushes * 1000:.3f}" for name, seconds in spent.items()
    }


def _phase_rows(phases: Mapping[int, Mapping[str, Sequence[float]]]) -> list[dict[str, object]]:
    names = list(dict.fromkeys(name for spent in phases.values() for name in spent))
    rows: list[dict[str, object]] = []
    for name in [*names, "all"]:
        row: dict[str, object] = {"": name}
        for targets, spent in phases.items():
            wall, cpu = spent.get(name, (0.0, 0.0)) if name != "all" else map(sum, zip(*spent.values(), strict=True))
            row |= {f"{targets} targets": f"{wall:.3f}", f"{targets} targets, CPU": f"{cpu:.3f}"}
        rows.append(row)
    return rows


def main() -> None:
    """Measure as the command line says; exits with 1 if a target is missed."""
    parser = argparse.ArgumentParser(description="PushSimple a second, committed, on the whole service.")
    parser.add_argument("--runs", type=int, default=3, help="runs of each kind; the medians are reported")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of a run")
    parser.add_argument("--calls", type=int, default=PHASE_CALLS, help="calls for the cost of each phase; 0: leave out")
    options = parser.parse_args()
    sys.exit(0 if measure(options.runs, options.seconds, options.calls) else 1)


if __name__ == "__main__":
    main()

"""`make bench-gateway`: the device gateway beside Mosquitto: the same client, payload and core, QoS 1.

Two cores at least: the server alone on core 0; on core 1 everything else: the load client (`bench.devices`), and for
the gateway also PostgreSQL and Valkey. What the client's core can do limits both servers, so besides the rate seen
there is the server's own CPU for a message, and what one core could do at that cost.

- connects: credential check, presence, pending query here; SUBSCRIBE there.
- unicast: messages handed over through the node's stream, delivered, acknowledged; the database half is off.
- rows: the same end to end: rows committed before, handed over by pages, statuses written. Who hands over and the
  sink are on core 0 with the gateway, and their CPU counts.
- broadcast: to all devices, the next when all have the last; from when gateways are told (as unicast: handed over),
  and from when it is asked for.
- latency: from hand-over (there: PUBLISH) to the device at half of the unicast rate.

Both servers are up all the time and measured in turn, nine times; a ratio is the median of those of runs made in turn.
Rows are measured once, and between two halves of as many unicast messages there.
Both speak MQTT 3.1.1 here, which is what Mosquitto is slower in; `--version 5` compares them in MQTT 5.

`--connections 50000 --processes 3`: only connects and memory, over several gateway processes and clients.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.gateway_servers import OTHER_CORE, SERVER_CORE, Client, MeasuredServer, Service, mosquitto
from bench.gateway_table import Table, Told, rate_of
from bench.report import report
from bench.servers import servers

PAYLOAD_BYTES = 250
CONCURRENT_CONNECTS = 500
ENTRY = 200
PER_CLIENT = 17_000
# Of each measurement, of both servers in turn.
RUNS = 9
_PATIENCE_SECONDS = 240.0


def unicast(service: Service, client: Client, server: MeasuredServer, messages: int) -> dict[str, float]:
    """Deliveries packed beforehand, written to the node's stream."""
    from gateway.cluster import presence
    from pushcore.storage.valkey import client as bus

    stream = presence.stream_key(service.nodes()[0].node_id)
    packed = [_entry(service, start, min(ENTRY, messages - start)) for start in range(0, messages, ENTRY)]
    cpu = server.cpu()
    client.tell(f"receive-batched {messages} {_PATIENCE_SECONDS}")
    for start in range(0, len(packed), 20):
        with bus().pipeline(transaction=False) as pipeline:
            for entry in packed[start : start + 20]:
                pipeline.xadd(stream, entry, nomkstream=True)
            pipeline.execute()
    told = client.answer()
    _check(told, messages)
    time.sleep(0.5)
    service.forget()
    return told | {"cpu": server.cpu() - cpu}


_made = 1


def _entry(service: Service, first: int, count: int, *, timed: bool = False) -> Any:
    """A stream entry of messages to devices in turn."""
    from bench.devices.packets import timed_payload
    from gateway.cluster.codec import DeliveryEntry, pack_deliveries

    global _made
    expire = int(time.time() * 1000) + 3_600_000
    deliveries = []
    for number in range(first, first + count):
        _made += 1
        payload = timed_payload(PAYLOAD_BYTES) if timed else b'{"k":"%d","bData":"' % _made
        device_id = service.device_ids[number % len(service.device_ids)]
        deliveries.append(
            DeliveryEntry(device_id, _made, expire, False, payload.ljust(PAYLOAD_BYTES - 2, b"x") + b'"}')
        )
    return pack_deliveries(deliveries)


def paced(service: Service, client: Client, rate: float, seconds: float) -> dict[str, float]:
    """Entries of a few messages, at `rate` messages a second; the loop's lag is what the node says of itself."""
    from gateway.cluster import presence
    from pushcore.storage.valkey import client as bus

    stream = presence.stream_key(service.nodes()[0].node_id)
    messages = int(rate * seconds)
    client.tell(f"receive {messages} {_PATIENCE_SECONDS}")
    begun, sent = time.monotonic(), 0
    while sent < messages:
        due = min(messages, int((time.monotonic() - begun) * rate)) - sent
        for start in range(0, due, ENTRY):
            count = min(ENTRY, due - start)
            bus().xadd(stream, _entry(service, sent, count, timed=True), nomkstream=True)
            sent += count
        time.sleep(0.001)
    told = client.answer()
    _check(told, messages)
    lag = service.nodes()[0].loop_lag_p99_ms
    service.forget()
    return told | {"lag": lag}


def rows(service: Service, client: Client, server: MeasuredServer, messages: int) -> dict[str, float]:
    """Rows first; then handed over by pages, delivered, acknowledged, and their statuses written."""
    from django.db import connection
    from django.utils import timezone

    from pushcore.models import PushTask
    from pushcore.storage import ids

    task = PushTask.objects.create(
        pk=ids.new_ids(1)[0], workspace=service.workspace, kind=PushTask.Kind.SIMPLE, source=PushTask.Source.RPC,
        fingerprint=b"", delivery_type=1, content={"title": "t", "content": "x" * 60, "url": ""}, options={},
        created_at=timezone.now(), expire_at=_in_an_hour(), message_count=messages,
        last_message_id=ids.HIGHEST,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO pushcore_message (id, workspace_id, task_id, delivery_type, target, msgkey, device_id, status,"
            " channel, expire_at, updated_at)"
            " SELECT i.id, %(workspace)s, %(task)s, 1, 'token', 'key' || i.n, d.id, 0, 0, %(expire)s, now()"
            " FROM (SELECT id, row_number() OVER () AS n FROM pushcore_new_ids(%(count)s) AS id) i"
            " JOIN (SELECT id, row_number() OVER () - 1 AS n FROM pushcore_device) d"
            "   ON d.n = i.n %% (SELECT count(*) FROM pushcore_device) ORDER BY i.id",
            {"workspace": service.workspace.pk, "task": task.pk, "expire": task.expire_at, "count": messages},
        )
        cursor.execute("ANALYZE pushcore_message")
    with service.sink() as sink, service.hand_over(task.pk) as handing:
        before, begun = [one.cpu() for one in (server, sink, handing)], time.monotonic()
        client.tell(f"receive-batched {messages} {_PATIENCE_SECONDS}")
        handing.begin()
        told = client.answer()
        _check(told, messages)
        while True:
            task.refresh_from_db()
            if task.success_count == messages:
                break
            if time.monotonic() - begun > 2 * _PATIENCE_SECONDS:
                sys.exit(f"{task.success_count} of {messages} acknowledged in the database")
            time.sleep(0.1)
        seconds = time.monotonic() - begun
        spent = [one.cpu() - used for one, used in zip((server, sink, handing), before, strict=True)]
    for name, used in zip(("gateway", "sink", "hand-over"), spent, strict=True):
        print(f"{name}: {1e6 * used / messages:.1f} us a message")
    return told | {"seconds": seconds, "cpu": sum(spent)}


def hand_over_all(task_id: int) -> None:
    """In a process of its own, which begins when it is told, and stays until its CPU was read."""
    import django

    django.setup()
    from django.db import connection

    from pushcore.delivery import deliverable, dispatch

    print("ready", flush=True)
    sys.stdin.readline()
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(id) + 1 FROM pushcore_message")
        end = cursor.fetchone()[0]
    low: int | None = task_id
    while low is not None:
        batch = deliverable.by_range(low, end, 2000)
        dispatch.to_lanes(batch.messages)
        low = batch.next_id
    time.sleep(_PATIENCE_SECONDS)


def _in_an_hour() -> Any:
    from datetime import timedelta

    from django.utils import timezone

    return timezone.now() + timedelta(hours=1)


def broadcast(service: Service, client: Client, server: MeasuredServer, rounds: int, devices: int) -> dict[str, float]:
    """Measure real broadcasts, each when all devices have the one before.

    `seconds` begin when one is handed over, `all_seconds` when it is asked for.
    """
    from django.db import transaction

    from gateway.lane import tell_broadcast_news
    from pushcore.models import PushTask
    from pushcore.push import pushes
    from pushcore.push.requests import BroadcastPush

    cpu, begun, accepting = server.cpu(), time.monotonic(), 0.0
    for number in range(rounds):
        client.tell(f"receive {devices} {_PATIENCE_SECONDS}")
        asked = time.monotonic()
        request = BroadcastPush(delivery_type=1, expired_seconds=3600, template_name="news", msgkey=f"b{begun}{number}")
        with transaction.atomic():  # what gateways are told meanwhile they find nothing of
            pushes.accept(service.workspace, request, source=PushTask.Source.RPC, author="")
        accepting += time.monotonic() - asked
        tell_broadcast_news()
        _check(client.answer(), devices)
    seconds = time.monotonic() - begun
    time.sleep(0.5)
    cpu = server.cpu() - cpu
    service.end_broadcasts()
    service.forget()
    return {
        "messages": float(rounds * devices), "seconds": seconds - accepting, "all_seconds": seconds, "cpu": cpu
    }  # fmt: skip


def _check(told: dict[str, float], expected: int) -> None:
    if told["messages"] != expected:
        sys.exit(f"{told['messages']:.0f} of {expected} messages came: {told}")


def connect(client: Client, server: MeasuredServer, count: int) -> dict[str, float]:
    """Connections a second, and memory for each."""
    before, cpu = server.rss(), server.cpu()
    told = client.ask(f"connect {count} {CONCURRENT_CONNECTS}")
    if told["ready"] != count:
        sys.exit(f"{told['ready']:.0f} of {count} connected")
    spent = server.cpu() - cpu
    time.sleep(2)
    return told | {"cpu": spent, "rss": (server.rss() - before) / count}


def measure(arguments: argparse.Namespace) -> bool:
    """Measure both servers and report; returns whether every target is met."""
    count, table = arguments.connections, Table()
    with servers() as (directory, environment), mosquitto(directory) as (broker, port):
        service = Service(directory, environment, count)
        try:
            # First: later, devices that connect are given the broadcasts.
            sockets = _websocket(service, arguments)
            _beside(service, broker, port, directory, arguments, table)
        finally:
            service.end()
    table.rate("WebSocket connects", "ws_connects", [sockets["connect"]])
    table.rate("WebSocket unicast", "ws_unicast", sockets["unicast"])
    table.value("memory of a WebSocket", "ws_kib", sockets["connect"]["rss"], None, "KiB", 22.0)
    return report("gateway", table.lines, table.figures, table.targets)


def _beside(
    service: Service, broker: MeasuredServer, port: int, directory: Path, arguments: argparse.Namespace, table: Table
) -> None:
    """Both servers are up, and measured in turn, so that what else befalls the machine befalls both."""
    count, messages, version = arguments.connections, arguments.messages, str(arguments.version)
    anonymous = directory / "anonymous.json"
    anonymous.write_text(json.dumps([[f"c{number}", "u", "p"] for number in range(count)]))
    with service.gateways() as server:
        there = Client(port, anonymous, "--subscribe", "--version", version)
        here = Client(service.tcp_port, service.credentials, "--version", version)
        connects = connect(here, server, count), connect(there, broker, count)

        def their_unicast(count: int) -> Told:
            return _with_cpu(broker, lambda: there.ask(f"publish {count} 20000"))

        unicasts = _in_turn(lambda: unicast(service, here, server, messages), lambda: their_unicast(messages))
        rates = [sorted(map(rate_of, runs))[len(runs) // 2] / 2 for runs in unicasts]
        ours = paced(service, here, rates[0], 5.0)
        theirs = there.ask(f"publish-paced {int(5 * rates[1])} {rates[1]}")
        broadcasts = _in_turn(
            lambda: broadcast(service, here, server, arguments.rounds, count),
            lambda: _with_cpu(broker, lambda: there.ask(f"publish-all {arguments.rounds}")),
        )
        table.rate("connects", "connects", [connects[0]], [connects[1]], least=0.3)
        table.rate("unicast, database half off", "unicast", *unicasts, least=1.5)
        if arguments.rows:
            half = arguments.rows // 2
            before, told, after = their_unicast(half), rows(service, here, server, arguments.rows), their_unicast(half)
            theirs_all = {name: before[name] + after[name] for name in ("messages", "seconds", "cpu")}
            table.rate(f"rows to statuses, {arguments.rows:,}", "rows", [told], [theirs_all], least=0.6)
        table.rate("broadcast, handed over", "broadcast", *broadcasts, least=2.5)
        accepted = [told | {"seconds": told["all_seconds"]} for told in broadcasts[0]]
        table.rate("broadcast, from its acceptance on", "accepted_broadcast", accepted, broadcasts[1])
        here.end()
        there.end()
    table.value("memory of a TCP connection", "tcp_kib", connects[0]["rss"], connects[1]["rss"], "KiB", 3.0)
    table.value("p50 at half load", "p50_ms", ours["p50_ms"], theirs["p50_ms"], "ms", 0)
    table.value("p99 at half load", "p99_ms", ours["p99_ms"], theirs["p99_ms"], "ms", 0)
    table.value("loop lag p99 at half load", "lag_ms", ours["lag"], None, "ms", 20.0)


def _in_turn(here: Callable[[], Told], there: Callable[[], Told]) -> tuple[list[Told], list[Told]]:
    """Runs of both, one after the other."""
    runs = [(here(), there()) for _ in range(RUNS)]
    return [ours for ours, _ in runs], [theirs for _, theirs in runs]


def _with_cpu(server: MeasuredServer, work: Callable[[], Told]) -> Told:
    cpu = server.cpu()
    told = work()
    return told | {"cpu": server.cpu() - cpu}


def _websocket(service: Service, arguments: argparse.Namespace) -> dict[str, Any]:
    count = min(5000, arguments.connections)
    with service.gateways() as server:
        client = Client(service.ws_port, service.credentials, "--websocket", "--version", str(arguments.version))
        told: dict[str, Any] = {"connect": connect(client, server, count)}
        all_devices, service.device_ids = service.device_ids, service.device_ids[:count]
        told["unicast"] = [unicast(service, client, server, arguments.messages // 2) for _ in range(RUNS)]
        service.device_ids = all_devices
        client.end()
    return told


def crowd(arguments: argparse.Namespace) -> bool:
    """Many connections over several processes: memory only."""
    table, clients = Table(), []
    with servers() as (directory, environment):
        service = Service(directory, environment, arguments.connections)
        try:
            everyone = json.loads(service.credentials.read_text())
            with service.gateways(arguments.processes, (SERVER_CORE, OTHER_CORE)) as server:
                before, begun = server.rss(), time.monotonic()
                for number, start in enumerate(range(0, len(everyone), PER_CLIENT), 1):
                    part = directory / f"part-{number}.json"
                    part.write_text(json.dumps(everyone[start : start + PER_CLIENT]))
                    clients.append(Client(service.tcp_port, part, "--address", str(number)))
                    clients[-1].tell(f"connect {len(everyone[start : start + PER_CLIENT])} {CONCURRENT_CONNECTS}")
                told = [client.answer() for client in clients]
                seconds = time.monotonic() - begun
                time.sleep(4)
                ready = sum(answer["ready"] for answer in told)
                held = [node.connections for node in service.nodes()]
                memory = (server.rss() - before) / ready
                for client in clients:
                    client.end()
        finally:
            service.end()
    print(f"{ready:,.0f} of {arguments.connections:,} connected; by process: {sorted(held)}")
    table.rate("connects", "connects", [{"ready": ready, "seconds": seconds}])
    table.value("memory of a connection", "tcp_kib", memory, None, "KiB", 3.0)
    return report(f"gateway, {arguments.processes} processes", table.lines, table.figures, table.targets)


def main() -> bool:
    """Measure as the command line says; returns whether every target is met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--messages", type=int, default=200_000, help="of a unicast run (default 200,000)")
    parser.add_argument("--rounds", type=int, default=20, help="of broadcasts (default 20)")
    parser.add_argument("--rows", type=int, default=1_000_000, help="messages from rows to statuses; 0: leave it out")
    parser.add_argument("--version", type=int, choices=(4, 5), default=4, help="of MQTT; 4 is 3.1.1 (default)")
    parser.add_argument("--processes", type=int, default=1, help="of the gateway; above 1 only memory is measured")
    parser.add_argument("--hand-over", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.hand_over:
        hand_over_all(arguments.hand_over)
        return True
    os.sched_setaffinity(0, (OTHER_CORE,))
    return crowd(arguments) if arguments.processes > 1 else measure(arguments)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)

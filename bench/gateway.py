"""`make bench-gateway`: the device gateway and Mosquitto, with the same client, payload, core and QoS 1.

At least two cores are needed: core 0 runs the server alone; core 1 runs everything else, which is the load client
(`bench.devices`) and for the gateway also PostgreSQL and Valkey. The client's core limits both servers, so the
benchmark also reports the server's CPU time for a message, and the rate that one core would reach at that cost.

- connects: the gateway checks credentials, writes presence and queries pending messages; Mosquitto handles SUBSCRIBE.
- unicast: messages are handed over through the node's stream, delivered and acknowledged; no database work.
- rows: the whole way: committed rows are handed over in pages and delivered, and their statuses are written. The
  process that hands over and the sink run on core 0 too, and their CPU time counts.
- broadcast: a message to all devices, the next when all have received the last. Measured from the hand-over to the
  gateways, as unicast is, and from the request.
- latency: from the hand-over (Mosquitto: PUBLISH) to the device at half of the unicast rate.

Both servers run all the time and are measured alternately, nine times; a ratio is the median over pairs of adjacent
runs. Rows are measured once, between two unicast runs of Mosquitto with half as many messages each.
Both speak MQTT 3.1.1, in which Mosquitto is slower; `--version 5` compares them in MQTT 5.

`--connections 50000 --processes 3` measures only connects and memory, with several gateway processes and clients.
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
from bench.gateway_table import Figures, Table, rate_of
from bench.report import report
from bench.servers import servers

PAYLOAD_BYTES = 250
CONCURRENT_CONNECTS = 500
ENTRY = 200
PER_CLIENT = 17_000
# Of each measurement and server.
RUNS = 9
_PATIENCE_SECONDS = 240.0


def unicast(service: Service, client: Client, server: MeasuredServer, messages: int) -> dict[str, float]:
    """Measure deliveries that were packed beforehand, from the node's stream to the devices."""
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
    figures = client.answer()
    _check(figures, messages)
    time.sleep(0.5)
    service.forget()
    return figures | {"cpu": server.cpu() - cpu}


_made = 1


def _entry(service: Service, first: int, count: int, *, timed: bool = False) -> Any:
    """Pack a stream entry of messages, one device after the other."""
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
    """Measure latencies at `rate` messages a second, and the event loop's lag as the node reports it."""
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
    figures = client.answer()
    _check(figures, messages)
    lag = service.nodes()[0].loop_lag_p99_ms
    service.forget()
    return figures | {"lag": lag}


def rows(service: Service, client: Client, server: MeasuredServer, messages: int) -> dict[str, float]:
    """Measure messages from committed rows to written statuses."""
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
        figures = client.answer()
        _check(figures, messages)
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
    return figures | {"seconds": seconds, "cpu": sum(spent)}


def hand_over_all(task_id: int) -> None:
    """Hand over a task's messages when standard input says so, then stay until the CPU time was read."""
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
    """Measure broadcasts, each when all devices have received the one before.

    `seconds` count from the hand-over, `all_seconds` from the request.
    """
    from django.db import transaction

    from gateway.lane import notify_broadcasts_changed
    from pushcore.models import PushTask
    from pushcore.push import pushes
    from pushcore.push.requests import BroadcastPush

    cpu, begun, accepting = server.cpu(), time.monotonic(), 0.0
    for number in range(rounds):
        client.tell(f"receive {devices} {_PATIENCE_SECONDS}")
        asked = time.monotonic()
        request = BroadcastPush(delivery_type=1, expired_seconds=3600, template_name="news", msgkey=f"b{begun}{number}")
        with transaction.atomic():  # gateways that ask before the commit find nothing
            pushes.accept(service.workspace, request, source=PushTask.Source.RPC, author="")
        accepting += time.monotonic() - asked
        notify_broadcasts_changed()
        _check(client.answer(), devices)
    seconds = time.monotonic() - begun
    time.sleep(0.5)
    cpu = server.cpu() - cpu
    service.end_broadcasts()
    service.forget()
    return {
        "messages": float(rounds * devices), "seconds": seconds - accepting, "all_seconds": seconds, "cpu": cpu
    }  # fmt: skip


def _check(figures: dict[str, float], expected: int) -> None:
    if figures["messages"] != expected:
        sys.exit(f"{figures['messages']:.0f} of {expected} messages came: {figures}")


def connect(client: Client, server: MeasuredServer, count: int) -> dict[str, float]:
    """Measure connects and the memory of a connection."""
    before, cpu = server.rss(), server.cpu()
    figures = client.ask(f"connect {count} {CONCURRENT_CONNECTS}")
    if figures["ready"] != count:
        sys.exit(f"{figures['ready']:.0f} of {count} connected")
    spent = server.cpu() - cpu
    time.sleep(2)
    return figures | {"cpu": spent, "rss": (server.rss() - before) / count}


def measure(arguments: argparse.Namespace) -> bool:
    """Measure both servers and report; returns whether every target is met."""
    count, table = arguments.connections, Table()
    with servers() as (directory, environment), mosquitto(directory) as (broker, port):
        service = Service(directory, environment, count)
        try:
            # First, since devices that connect later are given the broadcasts.
            sockets = _websocket(service, arguments)
            _compare(service, broker, port, directory, arguments, table)
        finally:
            service.end()
    table.rate("WebSocket connects", "ws_connects", [sockets["connect"]])
    table.rate("WebSocket unicast", "ws_unicast", sockets["unicast"])
    table.value("memory of a WebSocket", "ws_kib", sockets["connect"]["rss"], None, "KiB", 22.0)
    return report("gateway", table.lines, table.figures, table.targets)


def _compare(
    service: Service, broker: MeasuredServer, port: int, directory: Path, arguments: argparse.Namespace, table: Table
) -> None:
    """Measure both servers alternately, so that other load on the machine affects both."""
    count, messages, version = arguments.connections, arguments.messages, str(arguments.version)
    anonymous = directory / "anonymous.json"
    anonymous.write_text(json.dumps([[f"c{number}", "u", "p"] for number in range(count)]))
    with service.gateways() as server:
        there = Client(port, anonymous, "--subscribe", "--version", version)
        here = Client(service.tcp_port, service.credentials, "--version", version)
        connects = connect(here, server, count), connect(there, broker, count)

        def their_unicast(count: int) -> Figures:
            return _with_cpu(broker, lambda: there.ask(f"publish {count} 20000"))

        unicasts = _alternate(lambda: unicast(service, here, server, messages), lambda: their_unicast(messages))
        rates = [sorted(map(rate_of, runs))[len(runs) // 2] / 2 for runs in unicasts]
        ours = paced(service, here, rates[0], 5.0)
        theirs = there.ask(f"publish-paced {int(5 * rates[1])} {rates[1]}")
        broadcasts = _alternate(
            lambda: broadcast(service, here, server, arguments.rounds, count),
            lambda: _with_cpu(broker, lambda: there.ask(f"publish-all {arguments.rounds}")),
        )
        table.rate("connects", "connects", [connects[0]], [connects[1]], least=0.3)
        table.rate("unicast, database half off", "unicast", *unicasts, least=1.5)
        if arguments.rows:
            half = arguments.rows // 2
            before = their_unicast(half)
            figures = rows(service, here, server, arguments.rows)
            after = their_unicast(half)
            theirs_all = {name: before[name] + after[name] for name in ("messages", "seconds", "cpu")}
            table.rate(f"rows to statuses, {arguments.rows:,}", "rows", [figures], [theirs_all], least=0.6)
        table.rate("broadcast, handed over", "broadcast", *broadcasts, least=2.5)
        accepted = [figures | {"seconds": figures["all_seconds"]} for figures in broadcasts[0]]
        table.rate("broadcast, from its acceptance on", "accepted_broadcast", accepted, broadcasts[1])
        here.end()
        there.end()
    table.value("memory of a TCP connection", "tcp_kib", connects[0]["rss"], connects[1]["rss"], "KiB", 3.0)
    table.value("p50 at half load", "p50_ms", ours["p50_ms"], theirs["p50_ms"], "ms", 0)
    table.value("p99 at half load", "p99_ms", ours["p99_ms"], theirs["p99_ms"], "ms", 0)
    table.value("loop lag p99 at half load", "lag_ms", ours["lag"], None, "ms", 20.0)


def _alternate(here: Callable[[], Figures], there: Callable[[], Figures]) -> tuple[list[Figures], list[Figures]]:
    """Run both alternately."""
    runs = [(here(), there()) for _ in range(RUNS)]
    return [ours for ours, _ in runs], [theirs for _, theirs in runs]


def _with_cpu(server: MeasuredServer, work: Callable[[], Figures]) -> Figures:
    cpu = server.cpu()
    figures = work()
    return figures | {"cpu": server.cpu() - cpu}


def _websocket(service: Service, arguments: argparse.Namespace) -> dict[str, Any]:
    count = min(5000, arguments.connections)
    with service.gateways() as server:
        client = Client(service.ws_port, service.credentials, "--websocket", "--version", str(arguments.version))
        figures: dict[str, Any] = {"connect": connect(client, server, count)}
        all_devices, service.device_ids = service.device_ids, service.device_ids[:count]
        figures["unicast"] = [unicast(service, client, server, arguments.messages // 2) for _ in range(RUNS)]
        service.device_ids = all_devices
        client.end()
    return figures


def crowd(arguments: argparse.Namespace) -> bool:
    """Measure the memory of many connections over several gateway processes."""
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
                answers = [client.answer() for client in clients]
                seconds = time.monotonic() - begun
                time.sleep(4)
                ready = sum(answer["ready"] for answer in answers)
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

"""Limits of what clients may cost the web process. Times in seconds, sizes in bytes."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """The limits that an installation chooses.

    Attributes:
        upload_paths: Paths where a body may be a file of `upload_bytes`.
        exempt: Networks of proxies, whose connections are not counted by address: they stand for many clients.
    """

    connections: int
    connections_per_address: int
    body_bytes: int
    upload_bytes: int
    upload_paths: frozenset[str]
    body_seconds: float
    exempt: tuple[IPv4Network | IPv6Network, ...] = ()


# A URL of the RPC API, which takes its parameters there too, with headers.
MAX_HEAD_BYTES = 65_536
MAX_HEADERS = 200
# Requests that a client may send on a connection before it has the answer to the first.
MAX_PIPELINED = 16
# Requests that wait for a thread; more are answered 503.
MAX_WAITING = 1_000
# What bodies may take together in memory, and uploads that may come at one time, of a process.
BODY_MEMORY_BYTES = 128 << 20
UPLOADS = 16

HEAD_SECONDS = 10.0
# Longer than the proxies before us keep a connection (nginx: 60), so that they never write to one we are closing.
KEEP_ALIVE_SECONDS = 75.0
# A body that comes steadily at this pace never meets its deadline, however long it is.
BODY_BYTES_PER_SECOND = 16_384
# The application is asked about the head of a body that is not here by then: who may not send it is refused at once.
HEAD_CHECK_SECONDS = 0.25
# How long a reader may take nothing of its answer.
WRITE_SECONDS = 30.0
# How long a client that was answered early may go on sending before the connection is cut: cut at once, it would
# lose the answer (RFC 9112, 9.6).
LINGER_SECONDS = 5.0

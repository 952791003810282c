"""One server for all simulated vendors: HTTP/2 and HTTP/1.1, with TLS or without, and faults on demand."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import Sequence
from typing import Any

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h11

from channels_vendor.simulator.callbacks import Poster
from channels_vendor.simulator.script import Incoming, Reply, Script
from channels_vendor.simulator.simulated_vendor import SimulatedVendor, as_json

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_MAX_BODY = 8_388_608
_WINDOW = 1_048_576
_LINGER_SECONDS = 1.0


class VendorServer:
    """Answers for the simulated vendors it is given. `POST /_script/NAME` with JSON changes a vendor's script."""

    def __init__(self, simulated_vendors: Sequence[SimulatedVendor]) -> None:
        self.simulated_vendors = {simulated.name: simulated for simulated in simulated_vendors}
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._open: set[_Connection] = set()
        self._poster = Poster()

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen; returns the port (`port` 0: any free one)."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), host, port, ssl=tls)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close the port and all connections."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._open):
            connection.abort()
        self._poster.stop()

    def vendor_for(self, incoming: Incoming) -> SimulatedVendor | None:
        """Return the simulated vendor that a request is to."""
        return next((simulated for simulated in self.simulated_vendors.values() if simulated.serves(incoming)), None)

    def opened(self, connection: _Connection) -> None:
        """Count a connection."""
        self.connections += 1
        self._open.add(connection)

    def closed(self, connection: _Connection) -> None:
        """Forget a connection."""
        self._open.discard(connection)

    def change_script(self, incoming: Incoming) -> Reply:
        """Have a vendor behave as the request's JSON says."""
        simulated = self.simulated_vendors.get(incoming.path.rsplit("/", 1)[-1])
        try:
            if simulated is None:
                raise ValueError(f"the vendors are {', '.join(self.simulated_vendors)}")
            simulated.script = Script.of(json.loads(incoming.body))
        except (ValueError, TypeError) as error:
            return as_json(400, {"error": str(error)})
        return as_json(200, {})

    def post_reports(self, simulated: SimulatedVendor) -> None:
        """Post the delivery reports that the last answer gave rise to."""
        posted, simulated.outbox = simulated.outbox, []
        for callback in posted:
            self._poster.post(callback, simulated.script.report_delay + simulated.script.latency, simulated.ledger)


class _Connection(asyncio.Protocol):
    """A client's connection: looks at the first bytes, then speaks what the client speaks."""

    def __init__(self, server: VendorServer) -> None:
        self.server = server
        self.transport: Any = None
        self._first = b""
        self._speaker: _Http2 | _Http1 | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.server.opened(self)

    def connection_lost(self, _error: Exception | None) -> None:
        self.server.closed(self)

    def data_received(self, data: bytes) -> None:
        if self._speaker is None:
            self._first += data
            if len(self._first) < len(_PREFACE) and _PREFACE.startswith(self._first):
                return
            self._speaker = _Http2(self) if self._first.startswith(_PREFACE) else _Http1(self)
            data, self._first = self._first, b""
        self._speaker.received(data)

    def abort(self) -> None:
        self.transport.abort()

    @property
    def client_certificate(self) -> bytes | None:
        tls = self.transport.get_extra_info("ssl_object")
        return tls.getpeercert(binary_form=True) if tls is not None else None

    def answer(self, incoming: Incoming, speaker: _Http2 | _Http1, stream: int) -> None:
        if incoming.path.startswith("/_script/"):
            speaker.reply(stream, self.server.change_script(incoming))
            return
        simulated = self.server.vendor_for(incoming)
        if simulated is None:
            speaker.reply(stream, as_json(404, {"error": "no such path"}))
            return
        fault = simulated.fault(incoming)
        if fault:
            speaker.suffer(stream, fault)
            return
        reply = simulated.answer(incoming)
        self.server.post_reports(simulated)
        if simulated.script.latency and not simulated.is_for_credential(incoming):
            asyncio.get_running_loop().call_later(simulated.script.latency, speaker.reply, stream, reply)
        else:
            speaker.reply(stream, reply)


class _Http2:
    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(_WINDOW)
        self._headers: dict[int, dict[str, str]] = {}
        self._bodies: dict[int, bytearray] = {}
        self._gone_away = False

    def received(self, data: bytes) -> None:
        if self._gone_away:
            return
        try:
            events = self._h2.receive_data(data)
        except h2.exceptions.ProtocolError:
            self._flush()
            self._connection.abort()
            return
        for event in events:
            if not self._gone_away:
                self._on(event)
        self._flush()

    def _on(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            self._headers[event.stream_id] = {str(name): str(value) for name, value in event.headers}
            self._bodies[event.stream_id] = bytearray()
        elif isinstance(event, h2.events.DataReceived):
            self._bodies.get(event.stream_id, bytearray()).extend(event.data)
            self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            headers = self._headers.pop(event.stream_id)
            body = bytes(self._bodies.pop(event.stream_id))
            incoming = Incoming(
                headers[":method"], headers[":path"], headers, body, self._connection.client_certificate
            )
            self._connection.answer(incoming, self, event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            self._headers.pop(event.stream_id, None)
            self._bodies.pop(event.stream_id, None)
        elif isinstance(event, h2.events.ConnectionTerminated):
            self._connection.transport.close()

    def reply(self, stream: int, reply: Reply) -> None:
        headers = [(":status", str(reply.status)), *reply.headers]
        with contextlib.suppress(h2.exceptions.ProtocolError):  # the client has gone, or taken its request back
            self._h2.send_headers(stream, headers, end_stream=not reply.body)
            body, most = reply.body, self._h2.max_outbound_frame_size
            for start in range(0, len(body), most):
                self._h2.send_data(stream, body[start : start + most], end_stream=start + most >= len(body))
        self._flush()

    def suffer(self, stream: int, fault: str) -> None:
        if fault == "hang":
            return
        if fault == "reset":
            self._h2.reset_stream(stream, h2.errors.ErrorCodes.INTERNAL_ERROR)
        elif fault == "truncate":
            self._h2.send_headers(stream, [(":status", "200"), ("content-length", "1000")])
            self._h2.send_data(stream, b'{"name": "pro')
            self._h2.reset_stream(stream, h2.errors.ErrorCodes.INTERNAL_ERROR)
        elif fault == "goaway":
            # Nothing from this stream on was worked on: the client may repeat it elsewhere.
            self._gone_away = True
            self._h2.close_connection(last_stream_id=max(0, stream - 2))
            # What came before is still answered, and the client is given time to read it.
            self._flush()
            asyncio.get_running_loop().call_later(_LINGER_SECONDS, self._connection.transport.close)
        self._flush()

    def _flush(self) -> None:
        if out := self._h2.data_to_send():
            self._connection.transport.write(out)


class _Http1:
    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        self._h11 = h11.Connection(h11.SERVER)
        self._request: h11.Request | None = None
        self._body = bytearray()

    def received(self, data: bytes) -> None:
        try:
            self._h11.receive_data(data)
            self._work()
        except h11.RemoteProtocolError:
            self._connection.transport.close()

    def _work(self) -> None:
        while True:
            event = self._h11.next_event()
            if isinstance(event, h11.Request):
                self._request, self._body = event, bytearray()
            elif isinstance(event, h11.Data) and len(self._body) < _MAX_BODY:
                self._body += event.data
            elif isinstance(event, h11.EndOfMessage) and self._request is not None:
                headers = {name.decode(): value.decode("latin-1") for name, value in self._request.headers}
                incoming = Incoming(
                    self._request.method.decode(),
                    self._request.target.decode(),
                    headers,
                    bytes(self._body),
                    self._connection.client_certificate,
                )
                self._connection.answer(incoming, self, 0)
            else:
                if event is h11.PAUSED or event is h11.NEED_DATA:
                    return
                if isinstance(event, h11.ConnectionClosed):
                    self._connection.transport.close()
                    return

    def reply(self, _stream: int, reply: Reply) -> None:
        if self._connection.transport.is_closing():
            return
        headers = [*reply.headers, ("content-length", str(len(reply.body)))]
        out = self._h11.send(h11.Response(status_code=reply.status, headers=headers)) or b""
        out += self._h11.send(h11.Data(data=reply.body)) or b""
        out += self._h11.send(h11.EndOfMessage()) or b""
        self._connection.transport.write(out)
        if self._h11.our_state is h11.MUST_CLOSE:
            self._connection.transport.close()
        elif self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE:
            self._h11.start_next_cycle()

    def suffer(self, _stream: int, fault: str) -> None:
        transport = self._connection.transport
        if fault == "reset":
            transport.abort()
        elif fault == "truncate":
            transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{")
            transport.close()
        elif fault == "goaway":  # HTTP/1.1 knows no such thing: the connection closes unanswered
            transport.close()

"""How far devices have come with broadcasts: cursors, what they share, and how they are reported; without I/O."""

from __future__ import annotations

import gc
from unittest.mock import Mock

import mqtt5
import pytest
from redis import RedisError

from gateway.broadcast.progress import MAX_REMEMBERED, ActiveBroadcasts, BroadcastProgress, Cursors, DeviceGroup
from gateway.cluster import ack_buffer, codec
from gateway.cluster.ack_buffer import ACK_BATCH, AckBuffer
from gateway.protocol import packets
from gateway.protocol.shared_payload import SharedPayload


class OpenBroadcasts(ActiveBroadcasts):
    """All of these are active."""

    def __init__(self, *active: int) -> None:
        super().__init__()
        self.active = self.known = set(active)

    def is_open(self, broadcast_id: int) -> bool:
        return broadcast_id in self.active


ANDROID = DeviceGroup(1, 1, None)


def progress_on(active: ActiveBroadcasts) -> BroadcastProgress:
    return BroadcastProgress(1, active.cursors.at(ANDROID, 0))


def stands(progress: BroadcastProgress) -> tuple[int, list[int]]:
    return progress.cursor.position, list(progress.cursor.acknowledged)


def test_the_cursor_waits_for_what_is_open_before_it() -> None:
    active = OpenBroadcasts(1, 2, 3)
    progress = progress_on(active)
    for broadcast_id in (1, 2, 3):
        progress.offer(broadcast_id)
    progress.resolve(2, acknowledged=True)
    assert not progress.advance(active)
    assert stands(progress) == (0, [])
    progress.resolve(1, acknowledged=True)
    assert progress.advance(active)
    assert stands(progress) == (2, [1, 2])
    active.active.discard(3)  # expired or revoked, never acknowledged
    assert not progress.advance(active)
    assert stands(progress) == (3, [1, 2])


def test_a_refused_broadcast_delays_no_other_and_is_not_counted() -> None:
    active = OpenBroadcasts(1, 2)
    progress = progress_on(active)
    progress.offer(1)
    progress.offer(2)
    progress.resolve(1, acknowledged=False)
    progress.resolve(2, acknowledged=True)
    progress.resolve(2, acknowledged=True)
    assert progress.advance(active)
    assert stands(progress) == (2, [2])
    assert progress.offer(1) is None


def test_devices_that_acknowledged_the_same_share_a_cursor() -> None:
    active = OpenBroadcasts(1, 2, 3)
    alone, together = progress_on(active), progress_on(active)
    for broadcast_id in (1, 2):
        alone.offer(broadcast_id)
        assert alone.acknowledge_only_open(broadcast_id, active.cursors) is alone.cursor
    for broadcast_id in (1, 2):
        together.offer(broadcast_id)
    assert together.acknowledge_only_open(1, active.cursors) is None
    for broadcast_id in (2, 1):
        together.resolve(broadcast_id, acknowledged=True)
    assert together.advance(active)
    assert stands(alone) == (2, [1, 2])
    assert alone.cursor is together.cursor
    active.cursors.forget_steps()
    for progress in (alone, together):
        progress.offer(3)
        progress.acknowledge_only_open(3, active.cursors)
    assert alone.cursor is together.cursor


def test_shared_cursors_are_bounded_and_freed_with_their_devices() -> None:
    active = ActiveBroadcasts()
    progress = progress_on(active)
    for broadcast_id in range(1, 3 * MAX_REMEMBERED):
        progress.offer(broadcast_id)
        progress.acknowledge_only_open(broadcast_id, active.cursors)
    assert list(progress.cursor.acknowledged) == list(range(2 * MAX_REMEMBERED, 3 * MAX_REMEMBERED))
    active.cursors.forget_steps()
    gc.collect()
    assert len(active.cursors) == 1


@pytest.mark.parametrize("size", [10, 100, 200, 16_000, 20_000])
def test_a_shared_packet_is_what_the_codec_writes(size: int) -> None:
    shared = SharedPayload(b"x" * size)
    for packet_id, seconds in ((1, 300), (65_535, 300), (7, 299), (1, 299), (1, 299)):
        for dup in (False, True):
            packet, _ = mqtt5.read(memoryview(shared.packet(packet_id, seconds, dup)))
            assert isinstance(packet, mqtt5.PublishPacket)
            assert (packet.packet_id, packet.message_expiry_interval, len(packet.payload)) == (packet_id, seconds, size)
            assert packet.duplicate == dup
            assert shared.packet_without_properties(packet_id, dup) == packets.message_without_properties(
                packet_id, shared.payload, dup
            )


def test_cursors_of_many_devices_are_reported_in_batches_once_each() -> None:
    buffer, cursors = AckBuffer(Mock(), Mock(), Mock()), Cursors()
    for device_id in range(2 * ACK_BATCH + 500):
        buffer.report_cursor(device_id, cursors.at(ANDROID, 7, (7,)))
    buffer.report_cursor(1, cursors.at(ANDROID, 9, (7, 9)))
    told = []
    while taken := buffer._pop_cursors():
        assert sum(map(len, taken.values())) <= ACK_BATCH
        passed = [codec.BroadcastAck(one.position, one.acknowledged, devices) for one, devices in taken.items()]
        told += codec.unpack_acks(codec.pack_acks([], [], passed)["acks"])[2]
    assert sorted(ack.device_id for ack in told if ack.position == 7) == list(range(2 * ACK_BATCH + 500))
    assert [ack for ack in told if ack.position == 9] == [(1, 9, (7, 9))]


def test_cursors_kept_while_valkey_is_unavailable_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ack_buffer, "MAX_BUFFERED_ACKS", 3)
    buffer, cursor = AckBuffer(Mock(), Mock(), Mock()), Cursors().at(ANDROID, 7, (7,))
    for device_id in range(5):
        buffer.report_cursor(device_id, cursor)
    taken = buffer._pop_cursors()
    with pytest.raises(RedisError), buffer._restored_on_failure([], [], taken):
        raise RedisError
    assert buffer._pop_cursors() == {cursor: [0, 1, 2]}
    assert buffer._pop_cursors() == {}

"""Admit connecting devices, in batches: a storm of connects costs a few queries, not one for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mqtt5 import ConnAckReasonCode as ConnAck
from mqtt5 import ConnectPacket

from gateway.node.attempt_limits import Exceeded, take_registrations
from pushcore.codes.results import ResultError
from pushcore.delivery import pending_cursor
from pushcore.devices import info, installations, registry
from pushcore.devices.info import DeviceInfo
from pushcore.devices.installations import Installation, Registration
from pushcore.devices.registry import KnownDevice
from pushcore.models import Workspace
from pushcore.security import keys

MAX_USERNAME = 256


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a CONNECT carries, and the address it came from. An empty client id asks for registration."""

    client_id: str
    username: str
    password: str
    info: dict[str, object]
    address: str = ""

    @classmethod
    def of(cls, packet: ConnectPacket, address: str) -> Credentials:
        """Read the credentials of a CONNECT."""
        password = (packet.password or b"").decode("utf-8", "replace")
        return cls(packet.client_id, packet.username or "", password, dict(packet.user_properties), address)

    @property
    def told(self) -> dict[str, str]:
        """The device's description, by column."""
        return info.parse_info(self.info)


@dataclass(frozen=True, slots=True)
class Admission:
    """The decision about a connect.

    `device` is None where `code` is a refusal, `exceeded` names the limit that caused it. `secret` is set for a device
    that registers: a new one (`is_new`) or one that got its identity back.
    """

    code: ConnAck
    device: KnownDevice | None = None
    secret: str | None = None
    is_new: bool = False
    exceeded: Exceeded | None = None


_EXCEEDED = {Exceeded.ADDRESS: ConnAck.CONNECTION_RATE_EXCEEDED, Exceeded.WORKSPACE: ConnAck.QUOTA_EXCEEDED}
_WRONG = Admission(ConnAck.BAD_USER_NAME_OR_PASSWORD)
_NOT_ALLOWED = Admission(ConnAck.NOT_AUTHORIZED)


def admit(batch: Sequence[Credentials]) -> list[Admission]:
    """Decide about connects, in a fixed number of queries.

    Returns:
        The decisions in the order of the batch.

    Raises:
        DatabaseFault: The database is unavailable.
    """
    known = registry.find_devices([given.client_id for given in batch if _readable(given.client_id)])
    workspaces = registry.find_workspaces(
        [given.username for given in batch if not given.client_id and _readable(given.username)]
    )
    verdicts: list[Admission | None] = []
    newcomers: list[tuple[int, Registration]] = []
    for position, given in enumerate(batch):
        if given.client_id:
            verdicts.append(_check_known(known.get(given.client_id), given))
            continue
        verdict = _check_newcomer(workspaces.get(given.username), given)
        if isinstance(verdict, Registration):
            newcomers.append((position, verdict))
            verdicts.append(None)
        else:
            verdicts.append(verdict)
    if newcomers:
        newcomers = _within_limits(newcomers, batch, verdicts)
    if newcomers:
        registered = installations.register([request for _, request in newcomers])
        for (position, _), (device, secret, is_new) in zip(newcomers, registered, strict=True):
            verdicts[position] = Admission(ConnAck.SUCCESS, device, secret, is_new)
        _note_former_client_keys([(request.workspace, batch[position]) for position, request in newcomers])
    returned = [
        (verdict.device.id, verdict.secret is not None, given.told)
        for verdict, given in zip(verdicts, batch, strict=True)
        if verdict and verdict.device and not verdict.is_new
    ]
    if returned:
        registering = [device_id for device_id, is_registering, _ in returned if is_registering]
        pending_cursor.advance_on_connect([device_id for device_id, _, _ in returned], registering)
        registry.update_info({device_id: told for device_id, _, told in returned})
    return [verdict or _WRONG for verdict in verdicts]


def _within_limits(
    newcomers: Sequence[tuple[int, Registration]], batch: Sequence[Credentials], verdicts: list[Admission | None]
) -> list[tuple[int, Registration]]:
    """Return those that may register now; write refusals for the others into `verdicts`."""
    asking = [(batch[position].address, request.workspace.pk) for position, request in newcomers]
    kept = []
    for one, exceeded in zip(newcomers, take_registrations(asking), strict=True):
        if exceeded is None:
            kept.append(one)
        else:
            verdicts[one[0]] = Admission(_EXCEEDED[exceeded], exceeded=exceeded)
    return kept


def may_register(username: str, password: str) -> bool:
    """Tell whether a new device with these credentials would be registered.

    Raises:
        DatabaseFault: The database is unavailable.
    """
    workspace = registry.find_workspaces([username]).get(username) if _readable(username) else None
    return not isinstance(_check_newcomer(workspace, Credentials("", username, password, info={})), Admission)


def _readable(text: str) -> bool:
    """Tell whether the text can be looked up in the database at all."""
    return 0 < len(text) <= MAX_USERNAME and "\0" not in text


def _check_known(device: KnownDevice | None, given: Credentials) -> Admission:
    if device is None or not device.has_secret(given.password):
        return _WRONG
    if not device.enabled or device.username != given.username:
        return _NOT_ALLOWED
    return Admission(ConnAck.SUCCESS, device)


def _note_former_client_keys(registered: Sequence[tuple[Workspace, Credentials]]) -> None:
    used = [workspace.pk for workspace, given in registered if workspace.is_former_client_key(given.password)]
    if used:
        keys.note_former_client_keys(used)


def _check_newcomer(workspace: Workspace | None, given: Credentials) -> Admission | Registration:
    if workspace is None:
        return _NOT_ALLOWED
    if not workspace.is_client_key(given.password):
        return _WRONG
    try:
        return Registration(workspace, DeviceInfo.from_mapping(given.info), Installation.from_mapping(given.info))
    except ResultError:
        return Admission(ConnAck.IMPLEMENTATION_SPECIFIC_ERROR)

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
    def info_columns(self) -> dict[str, str]:
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
    known = registry.find_devices(
        [credentials.client_id for credentials in batch if _is_searchable(credentials.client_id)]
    )
    workspaces = registry.find_workspaces(
        [
            credentials.username
            for credentials in batch
            if not credentials.client_id and _is_searchable(credentials.username)
        ]
    )
    verdicts: list[Admission | None] = []
    registrations: list[tuple[int, Registration]] = []
    for position, credentials in enumerate(batch):
        if credentials.client_id:
            verdicts.append(_check_known(known.get(credentials.client_id), credentials))
            continue
        verdict = _check_registration(workspaces.get(credentials.username), credentials)
        if isinstance(verdict, Registration):
            registrations.append((position, verdict))
            verdicts.append(None)
        else:
            verdicts.append(verdict)
    if registrations:
        registrations = _within_limits(registrations, batch, verdicts)
    if registrations:
        registered = installations.register([request for _, request in registrations])
        for (position, _), (device, secret, is_new) in zip(registrations, registered, strict=True):
            verdicts[position] = Admission(ConnAck.SUCCESS, device, secret, is_new)
        _note_former_client_keys([(request.workspace, batch[position]) for position, request in registrations])
    returned = [
        (verdict.device.id, verdict.secret is not None, credentials.info_columns)
        for verdict, credentials in zip(verdicts, batch, strict=True)
        if verdict and verdict.device and not verdict.is_new
    ]
    if returned:
        registering = [device_id for device_id, is_registering, _ in returned if is_registering]
        pending_cursor.advance_on_connect([device_id for device_id, _, _ in returned], registering)
        registry.update_info({device_id: columns for device_id, _, columns in returned})
    return [verdict or _WRONG for verdict in verdicts]


def _within_limits(
    registrations: Sequence[tuple[int, Registration]], batch: Sequence[Credentials], verdicts: list[Admission | None]
) -> list[tuple[int, Registration]]:
    """Return those that may register now; write refusals for the others into `verdicts`."""
    attempts = [(batch[position].address, request.workspace.pk) for position, request in registrations]
    allowed = []
    for registration, exceeded in zip(registrations, take_registrations(attempts), strict=True):
        if exceeded is None:
            allowed.append(registration)
        else:
            verdicts[registration[0]] = Admission(_EXCEEDED[exceeded], exceeded=exceeded)
    return allowed


def may_register(username: str, password: str) -> bool:
    """Tell whether a new device with these credentials would be registered.

    Raises:
        DatabaseFault: The database is unavailable.
    """
    workspace = registry.find_workspaces([username]).get(username) if _is_searchable(username) else None
    return not isinstance(_check_registration(workspace, Credentials("", username, password, info={})), Admission)


def _is_searchable(text: str) -> bool:
    """Tell whether a text can be a parameter of a query: neither empty nor too long, and without NUL."""
    return 0 < len(text) <= MAX_USERNAME and "\0" not in text


def _check_known(device: KnownDevice | None, credentials: Credentials) -> Admission:
    if device is None or not device.has_secret(credentials.password):
        return _WRONG
    if not device.enabled or device.username != credentials.username:
        return _NOT_ALLOWED
    return Admission(ConnAck.SUCCESS, device)


def _note_former_client_keys(registered: Sequence[tuple[Workspace, Credentials]]) -> None:
    used = [
        workspace.pk for workspace, credentials in registered if workspace.is_former_client_key(credentials.password)
    ]
    if used:
        keys.note_former_client_keys(used)


def _check_registration(workspace: Workspace | None, credentials: Credentials) -> Admission | Registration:
    if workspace is None:
        return _NOT_ALLOWED
    if not workspace.is_client_key(credentials.password):
        return _WRONG
    try:
        return Registration(
            workspace, DeviceInfo.from_mapping(credentials.info), Installation.from_mapping(credentials.info)
        )
    except ResultError:
        return Admission(ConnAck.IMPLEMENTATION_SPECIFIC_ERROR)

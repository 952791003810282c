"""Register devices. An app installation that registers again gets its device back if it proves to be the same one.

A registration may carry the installation's ID. The ID is no secret, so it alone gives nobody a device; what does is

- the secret that was issued to the device (an app that kept it but lost the Ad-token, or connects without it), or
- the nonce of the registration itself, a random value of the device's: where the answer was lost, the device asks again
  with the same one. It counts for `NONCE_WINDOW` from then, and until the device has logged in with its secret.

Whoever proves nothing gets a new device. Both proofs are looked up by their hashes: however many devices somebody
registers under an ID, finding the right one costs the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import NamedTuple

from django.db import connection, transaction

from pushcore.codes.results import ResultCode, ResultError
from pushcore.devices import registry, tokens
from pushcore.devices.info import DeviceInfo
from pushcore.devices.registry import KnownDevice
from pushcore.devices.tokens import Claim
from pushcore.models import Workspace
from pushcore.security import crypto
from pushcore.storage import clock
from pushcore.storage.sql import statements

_SQL = statements(__file__)

NONCE_WINDOW = timedelta(minutes=10)

# What each may look like. A nonce has 128 bits or more: 22 characters of base64 hold them, a UUID is longer.
_FORMATS = {
    "installationId": (re.compile("[!-~]{8,64}"), "8 to 64 letters, digits and signs (ASCII)"),
    "registrationNonce": (re.compile("[!-~]{22,128}"), "22 to 128 random letters, digits and signs (ASCII)"),
    "deviceSecret": (re.compile("[!-~]{1,128}"), "the secret issued to the device"),
}


@dataclass(frozen=True, slots=True)
class Installation:
    """An app installation as a registration names it. `nonce` and `secret` are its proofs, empty where it has none."""

    id: str
    nonce: str = ""
    secret: str = ""

    @classmethod
    def from_mapping(cls, given: Mapping[str, object]) -> Installation | None:
        """Read installationId, registrationNonce and deviceSecret; None where there is no ID.

        Raises:
            ResultError: INVALID_PARAM, naming the field.
        """
        values = {name: _checked(name, given.get(name)) for name in _FORMATS}
        if not values["installationId"]:
            for name in ("registrationNonce", "deviceSecret"):
                if values[name]:
                    raise ResultError(ResultCode.INVALID_PARAM, f"{name} comes with installationId")
            return None
        return cls(values["installationId"], values["registrationNonce"], values["deviceSecret"])


def _checked(name: str, value: object) -> str:
    if value is None or value == "":
        return ""
    pattern, meaning = _FORMATS[name]
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ResultError(ResultCode.INVALID_PARAM, f"{name} is {meaning}")
    return value


class Registration(NamedTuple):
    """A request of a device for an Ad-token and a secret."""

    workspace: Workspace
    info: DeviceInfo
    installation: Installation | None = None


class Registered(NamedTuple):
    """A registered device and its secret. `is_new` tells that it did not exist before."""

    device: KnownDevice
    secret: str
    is_new: bool = True


def register(requests: Sequence[Registration]) -> list[Registered]:
    """Give each request its own device where it proves that, else a new one. A fixed number of statements.

    Requests with the same ID and nonce get the same device.

    Returns:
        A device for each request, in the order of the requests.
    """
    if all(one.installation is None for one in requests):
        return [Registered(*made) for made in registry.register([(one.workspace, one.info) for one in requests])]
    with transaction.atomic():
        _lock(requests)
        found = _find(requests)
        new = _first_of_each(requests, found)
        made = registry.register([(requests[one].workspace, _without_token(requests[one].info)) for one in new])
        answers = {
            number: Registered(replace(device, third_channel=requests[number].info.channel), secret)
            for number, (device, secret) in zip(new, made, strict=True)
        }
        _keep_installations([(answers[number].device.id, requests[number].installation) for number in new])
        answers |= _give_back(requests, found)
        _claim_tokens(requests, answers)
        by_nonce = [answers[number] for number, one in found.items() if not one.by_secret]
        _renew_secrets({one.device.id: one.secret for one in by_nonce})
    first = {_same(number, requests[number]): answer for number, answer in answers.items()}
    return [answers.get(number) or first[_same(number, one)] for number, one in enumerate(requests)]


class _Found(NamedTuple):
    """A device that a registration has proved to be, by its secret or by its nonce."""

    place: int
    ad_token: str
    by_secret: bool


def _lock(requests: Sequence[Registration]) -> None:
    """Serialise requests that name the same installation; taken before any other lock, in one order."""
    names = {f"{one.workspace.pk}:{one.installation.id}" for one in requests if one.installation}
    keys = sorted(tokens.lock_key(f"installation:{name}") for name in names)
    with connection.cursor() as cursor:
        cursor.execute(_SQL["lock"], {"keys": keys})


def _find(requests: Sequence[Registration]) -> dict[int, _Found]:
    """Find the devices that requests prove to be, by the request's index."""
    identified = [
        (number, one.workspace.pk, one.installation) for number, one in enumerate(requests) if one.installation
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["find"],
            {
                "places": [number for number, _, _ in identified],
                "workspaces": [workspace_id for _, workspace_id, _ in identified],
                "platforms": [requests[number].info.platform for number, _, _ in identified],
                "installations": [installation.id for _, _, installation in identified],
                "secrets": [_hash(installation.secret) for _, _, installation in identified],
                "nonces": [_hash(installation.nonce) for _, _, installation in identified],
                "nonce_since": clock.now() - NONCE_WINDOW,
            },
        )
        rows = [_Found(*row) for row in cursor.fetchall()]
    # Who has both proofs has its secret: that one counts, being the later here.
    return {one.place: one for one in sorted(rows, key=lambda one: one.by_secret)}


def _hash(proof: str) -> str:
    return crypto.fingerprint_secret(proof) if proof else ""


def _same(number: int, one: Registration) -> tuple[int, str, str] | int:
    """Return what requests of one device have in common: installation and nonce, else the request's own index."""
    if one.installation is None or not one.installation.nonce:
        return number
    return one.workspace.pk, one.installation.id, one.installation.nonce


def _first_of_each(requests: Sequence[Registration], found: Mapping[int, _Found]) -> list[int]:
    first: dict[tuple[int, str, str] | int, int] = {}
    for number, one in enumerate(requests):
        if number not in found:
            first.setdefault(_same(number, one), number)
    return list(first.values())


def _without_token(info: DeviceInfo) -> DeviceInfo:
    return replace(info, third_token="", third_channel=None)


def _keep_installations(made: Sequence[tuple[int, Installation | None]]) -> None:
    rows = [(device_id, one.id, _hash(one.nonce)) for device_id, one in made if one is not None]
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(
                _SQL["keep"],
                {
                    "devices": [device_id for device_id, _, _ in rows],
                    "installations": [installation_id for _, installation_id, _ in rows],
                    "nonces": [nonce_hash for _, _, nonce_hash in rows],
                },
            )


def _give_back(requests: Sequence[Registration], found: Mapping[int, _Found]) -> dict[int, Registered]:
    """Return the found devices, each with the secret it proved to have or a new one."""
    known = registry.find_devices(list({one.ad_token for one in found.values()})) if found else {}
    renewed = {ad_token: crypto.new_secret() for ad_token in known}
    registered = {}
    for number, one in found.items():
        installation = requests[number].installation
        assert installation is not None  # it was found by it
        secret = installation.secret if one.by_secret else renewed[one.ad_token]
        device, info = known[one.ad_token], requests[number].info
        device = replace(device, third_channel=info.channel) if info.channel is not None else device
        registered[number] = Registered(device, secret, is_new=False)
    return registered


def _claim_tokens(requests: Sequence[Registration], answers: Mapping[int, Registered]) -> None:
    """Claim the tokens at vendors' channels, and lock the rows of returning devices for what follows."""
    claims = []
    for number, answer in answers.items():
        info = requests[number].info
        if info.channel is not None:
            claims.append(Claim(requests[number].workspace.pk, answer.device.id, info.channel, info.third_token))
    back = [answer.device.id for answer in answers.values() if not answer.is_new]
    tokens.change(claims=claims, locking=back)


def _renew_secrets(secrets: Mapping[int, str]) -> None:
    if secrets:
        with connection.cursor() as cursor:
            cursor.execute(
                _SQL["renew_secrets"],
                {"devices": list(secrets), "secrets": [_hash(secret) for secret in secrets.values()]},
            )

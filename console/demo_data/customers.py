"""The customers of the demo: users, their devices of all platforms and vendors, and who is bound to which."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from channels_vendor.registry import VENDORS
from pushcore.channels import Channel, Platform
from pushcore.models import Binding, Device, Workspace

_FIRST_NAMES = (
    "anna", "ben", "clara", "daniel", "emma", "felix", "grace", "hugo", "ida", "jonas", "karin", "leo", "maria", "nils",
    "olivia", "paul", "rosa", "simon", "tara", "victor",
)  # fmt: skip
_LAST_NAMES = (
    "berg",
    "costa",
    "dahl",
    "evans",
    "fischer",
    "garcia",
    "hansen",
    "ito",
    "jensen",
    "keller",
    "lange",
    "moreau",
)
USERS = 200
_APP_VERSIONS = ("6.0.0", "6.0.0", "5.9.2", "5.9.2", "5.9.2", "5.8.0", "5.4.1")


@dataclass(frozen=True)
class _Phones:
    """The devices of one vendor: how many there are, and which."""

    count: int
    manufacturer: str
    models: Sequence[str]
    os_versions: Sequence[str]


# By the channel's name. A vendor that is not here has a few phones of its title.
_PHONES: Mapping[str, _Phones] = {
    "apns": _Phones(64, "Apple", ("iPhone 17", "iPhone 16 Pro", "iPhone 15", "iPhone SE"), ("26.1", "26.0", "18.6")),
    "xiaomi": _Phones(38, "Xiaomi", ("15 Ultra", "14", "Redmi Note 14"), ("HyperOS 3", "HyperOS 2")),
    "huawei": _Phones(34, "HUAWEI", ("Pura 70", "Mate 60", "nova 12"), ("EMUI 15", "EMUI 14.2")),
    "oppo": _Phones(22, "OPPO", ("Find X9", "Reno 14"), ("ColorOS 16", "ColorOS 15")),
    "vivo": _Phones(22, "vivo", ("X300", "Y400"), ("OriginOS 6", "Funtouch OS 15")),
    "honor": _Phones(16, "HONOR", ("Magic8", "200 Lite"), ("MagicOS 10", "MagicOS 9")),
    "fcm": _Phones(28, "Google", ("Pixel 10", "Pixel 9a"), ("Android 16", "Android 15")),
    "harmonyos": _Phones(18, "HUAWEI", ("Mate 80", "Pura 80"), ("HarmonyOS 6", "HarmonyOS 5.1")),
}
# Reached on the self-built channel alone.
_OTHERS = _Phones(34, "Sony", ("Xperia 1 VII", "Xperia 10 VII"), ("Android 16", "Android 15"))

# Time zone, language, country.
_PLACES = (
    ("Asia/Shanghai", "zh-Hans-CN", "CN"), ("Asia/Shanghai", "zh-Hans-CN", "CN"), ("Europe/Berlin", "de-DE", "DE"),
    ("Europe/Oslo", "nb-NO", "NO"), ("Europe/Lisbon", "pt-PT", "PT"),
)  # fmt: skip


def user_ids() -> list[str]:
    """Return the users' ids."""
    names = [f"{first}.{last}" for last in _LAST_NAMES for first in _FIRST_NAMES]
    return names[:USERS]


def first_ad_token() -> str:
    """Return the Ad-token of the first device: where it is known, the data have been made."""
    return _ad_token(0)


def make_devices(workspace: Workspace, rng: random.Random, now: datetime) -> list[Device]:
    """Insert the devices. Nobody can connect as one of them: they have no secret."""
    sold = [(channel, phones) for channel, phones in _kinds() for _ in range(phones.count)]
    rng.shuffle(sold)
    return Device.objects.bulk_create(
        Device(
            workspace=workspace,
            ad_token=_ad_token(number),
            secret_hash="",
            platform=(channel.description.platform if channel else None) or Platform.ANDROID,
            manufacturer=phones.manufacturer,
            model=rng.choice(phones.models),
            os_version=rng.choice(phones.os_versions),
            app_version=rng.choice(_APP_VERSIONS),
            time_zone=_PLACES[number % len(_PLACES)][0],
            language=_PLACES[number % len(_PLACES)][1],
            country=_PLACES[number % len(_PLACES)][2],
            third_channel=channel,
            third_token=_digest(f"token {number}") if channel else "",
            third_reported_at=now - timedelta(days=rng.uniform(8, 9)) if channel else None,
            created_at=now - timedelta(days=rng.uniform(9, 120)),
            last_seen_at=now - timedelta(hours=rng.expovariate(1 / 20)),
        )
        for number, (channel, phones) in enumerate(sold)
    )


def make_bindings(workspace: Workspace, devices: Sequence[Device], rng: random.Random, now: datetime) -> list[Binding]:
    """Bind users to nine devices of ten, some to two; a few devices had another user before. Returns the active ones.

    A few users have no device.
    """
    bound_devices = rng.sample(devices, len(devices) * 9 // 10)
    with_device = user_ids()[: USERS * 94 // 100]
    active, ended = [], []
    for number, device in enumerate(bound_devices):
        user_id = with_device[number % len(with_device)]
        bound_at = now - timedelta(days=rng.uniform(8, 60))
        active.append(Binding(workspace=workspace, device=device, user_id=user_id, bound_at=bound_at))
        if number % 12 == 0:
            ended.append(
                Binding(
                    workspace=workspace,
                    device=device,
                    user_id=with_device[(number + 7) % len(with_device)],
                    bound_at=bound_at - timedelta(days=rng.uniform(1, 30)),
                    unbound_at=bound_at,
                )
            )
    Binding.objects.bulk_create(ended)
    return Binding.objects.bulk_create(active)


def _kinds() -> Iterator[tuple[Channel | None, _Phones]]:
    for channel, vendor in VENDORS.items():
        yield channel, _PHONES.get(channel.label, _Phones(8, vendor.title, (vendor.title,), ("1.0",)))
    yield None, _OTHERS


def _ad_token(number: int) -> str:
    return _digest(f"device {number}")


def _digest(text: str) -> str:
    return hashlib.sha256(f"demo data, {text}".encode()).hexdigest()

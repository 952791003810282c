"""Channels: the ways a message can take to a device, and the platforms a device can be of.

The self-built channel is the service's own; every other belongs to a vendor and is registered while Django loads the
apps, before any module that uses channels is imported (`channels_vendor.apps`). Nothing here knows which there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy, gettext_noop

from pushcore.codes import statuses
from pushcore.codes.statuses import Status


class Platform(models.IntegerChoices):
    """What a device is; the numbers of `osType` and of `deliveryType` for device pushes.

    The first three are the cloud's. No vendor reaches a device of the last kind: it connects.
    """

    ANDROID = 1, gettext_lazy("Android")
    IOS = 2, gettext_lazy("iOS")
    HARMONYOS = 7, gettext_lazy("HarmonyOS")
    WEB = 8, gettext_lazy("Web")
    OTHER = 9, gettext_lazy("Other")

    @property
    def api_name(self) -> str:
        """The name in registrations, answers and receipts; `label` is for people."""
        return self.name.lower()


@dataclass(frozen=True, kw_only=True)
class ChannelDescription:
    """What the service knows of a channel.

    Attributes:
        number: The `thirdChannel` value of the API (source document, chapter 8.1, and API version 2020-10-28).
        name: The name in lower case: of status codes, metrics, queues, and in parameters by vendor. Marked for
            translation (`gettext_noop`), as `title` and `company` are.
        analysis_name: How analysis and the console name it (source document, chapter 6.2). In lower case, parameters
            by vendor take it too.
        title: The name for people.
        company: Who runs it, for people: "Accepted by Xiaomi".
        platform: The platform whose devices it reaches; None for all.
        reports_arrival: The vendor says later that a message arrived. On the others an accepted message has.
        read_token: Returns a reported token in the one spelling that it is kept in, or raises `ValueError` with what is
            wrong with it; None where any text of `max_token_length` printable ASCII characters is one.
        max_token_length: The longest token that is kept, in characters; at most what `Device.third_token` holds.
        statuses: What the vendor's status codes mean.
        dead_token_statuses: Those that say a token reaches nobody (any more).
        categories: `thirdChannelCategory`: what is given to what the vendor is told; empty where it takes none.
        levels: `notifyLevel`, likewise.
        check_options: Returns what is wrong with a request's vendor options, in a sentence, or nothing; None where
            the tables say it all.
        encode_transparent: Returns a `transparentMessagePayload` as the vendor carries it, to be measured in JSON; None
            where the vendor shows whatever it is given.
    """

    number: int
    name: str
    analysis_name: str
    title: str = ""
    company: str = ""
    platform: Platform | None = None
    reports_arrival: bool = False
    read_token: Callable[[str], str] | None = None
    max_token_length: int = 512
    statuses: tuple[Status, ...] = ()
    dead_token_statuses: frozenset[int] = frozenset()
    categories: Mapping[str, str] = field(default_factory=dict)
    levels: Mapping[str, str] = field(default_factory=dict)
    check_options: Callable[[Mapping[str, Any]], str] | None = None
    encode_transparent: Callable[[str | Mapping[str, Any]], str | Mapping[str, str]] | None = None


_descriptions: dict[int, ChannelDescription] = {}
_channels: dict[int, Channel] = {}
_third_channels: tuple[Channel, ...] = ()
_named: dict[str, Channel] = {}


class _OpenEnumeration(type):
    """Makes `Channel` read as an enumeration of the channels that are registered."""

    def __iter__(cls) -> Iterator[Channel]:
        return iter([_channels[number] for number in sorted(_channels)])

    def __len__(cls) -> int:
        return len(_channels)

    def __contains__(cls, number: object) -> bool:
        return number in _channels

    def __getattr__(cls, name: str) -> Channel:
        for number, description in _descriptions.items():
            if description.name.upper() == name:
                return _channels[number]
        raise AttributeError(f"no channel {name}")

    @property
    def values(cls) -> list[int]:
        """The numbers of the channels."""
        return [int(channel) for channel in cls]

    @property
    def choices(cls) -> list[tuple[int, str]]:
        """The channels as choices of a field."""
        return [(int(channel), channel.label) for channel in cls]


class Channel(int, metaclass=_OpenEnumeration):
    """A channel: its number, and what is known of it.

    `Channel(2)` is the registered channel, `Channel.APNS` the same by its name.

    Raises:
        ValueError: No channel has that number.
    """

    SELF_BUILT: ClassVar[Channel]

    def __new__(cls, number: int) -> Channel:
        """Return the registered channel with the number."""
        try:
            return _channels[number]
        except KeyError:
            raise ValueError(f"{number} is not a channel") from None

    @property
    def description(self) -> ChannelDescription:
        """All that is known of the channel."""
        return _descriptions[self]

    @property
    def value(self) -> int:
        """The number, as a plain one."""
        return int(self)

    @property
    def label(self) -> str:
        """The name that status codes are looked up by (`pushcore.codes.statuses`)."""
        return _descriptions[self].name

    @property
    def analysis_name(self) -> str:
        """How analysis and the console name it."""
        return _descriptions[self].analysis_name

    @property
    def reports_arrival(self) -> bool:
        """Whether the vendor says later that a message arrived."""
        return _descriptions[self].reports_arrival

    def __repr__(self) -> str:
        return f"Channel.{self.label.upper()}"

    def __str__(self) -> str:
        return int.__repr__(self)


def register(description: ChannelDescription) -> Channel:
    """Make a channel known, with its status codes; one with the same number is replaced. Returns the channel."""
    channel = _channels.get(description.number) or int.__new__(Channel, description.number)
    _descriptions[description.number], _channels[description.number] = description, channel
    statuses.register(description.statuses)
    _list_third_channels()
    return channel


def unregister(number: int) -> None:
    """Forget a channel and its status codes: for tests."""
    statuses.unregister(_descriptions.pop(number).statuses)
    del _channels[number]
    _list_third_channels()


def third_channel_named(name: str) -> Channel | None:
    """Return the vendor's channel that a map by vendor names: as analysis does in lower case, or by its own name."""
    return _named.get(name)


def _list_third_channels() -> None:
    """Keep what each request with vendor options looks up."""
    global _third_channels
    _third_channels = tuple(channel for channel in Channel if channel)
    _named.clear()
    for channel in _third_channels:
        _named.update({channel.analysis_name.lower(): channel, channel.label: channel})


def third_channels() -> tuple[Channel, ...]:
    """Return the vendors' channels, by their numbers."""
    return _third_channels


Channel.SELF_BUILT = register(ChannelDescription(number=0, name=gettext_noop("common"), analysis_name="ANDROID"))

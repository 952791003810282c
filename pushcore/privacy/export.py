"""All that is kept of a user, in pages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pushcore.audience import aliases, open_hours, profiles
from pushcore.audience.profiles import Profile
from pushcore.devices.state import TargetType
from pushcore.devices.target_names import clean_user_id
from pushcore.models import Binding, Message, Workspace
from pushcore.models.pushes import DeliveryType
from pushcore.ports import ReportedEvent, analysis
from pushcore.security import crypto

# Messages of a page.
PAGE = 200
# Bindings that are shown, the newest first.
MAX_BINDINGS = 1000


@dataclass(frozen=True, slots=True)
class KeptBinding:
    """A binding of the user to a device; the phone number is kept while the binding lasts."""

    binding: Binding
    phone_number: str


@dataclass(frozen=True, slots=True)
class KeptMessage:
    """A message to the user, with what devices reported of it."""

    message: Message
    events: Sequence[ReportedEvent]


@dataclass(frozen=True, slots=True)
class KeptOfUser:
    """What is kept of a user, with one page of the messages.

    Attributes:
        profile: Tags, topics and attributes.
        aliases: In alphabetical order.
        open_hours: How often the user opened messages at each hour (`pushcore.audience.open_hours`); empty for none.
        bindings: The newest first, at most `MAX_BINDINGS`.
        messages: The newest first, at most `PAGE`.
        next_message_id: Where the next page begins; None after the last.
    """

    profile: Profile
    aliases: Sequence[str]
    open_hours: Sequence[float]
    bindings: Sequence[KeptBinding]
    messages: Sequence[KeptMessage]
    next_message_id: int | None


def of_user(workspace: Workspace, user_id: str, *, up_to: int | None = None) -> KeptOfUser:
    """Return what is kept of a user.

    Args:
        workspace: Whose user it is.
        user_id: The user's own ID, not an alias.
        up_to: `next_message_id` of the page before; None for the first page.

    Raises:
        ResultError: No user ID (NEED_USERID), or one too long (INVALID_PARAM).
    """
    user = clean_user_id(user_id)
    profile = profiles.profile_of(workspace.pk, TargetType.USER, user)
    assert profile is not None  # as only that of a device can be
    messages = Message.objects.filter(workspace=workspace, target=user, delivery_type=DeliveryType.USER)
    if up_to is not None:
        messages = messages.filter(pk__lte=up_to)
    page = list(messages.select_related("task").order_by("-pk")[: PAGE + 1])
    shown, further = page[:PAGE], page[PAGE:]
    events: dict[int, list[ReportedEvent]] = defaultdict(list)
    for event in analysis().events_of([message.pk for message in shown]):
        events[event.message_id].append(event)
    return KeptOfUser(
        profile=profile,
        aliases=aliases.of_user(workspace, user),
        open_hours=open_hours.of_user(workspace.pk, user),
        bindings=_bindings_of(workspace, user),
        messages=[KeptMessage(message, events[message.pk]) for message in shown],
        next_message_id=further[0].pk if further else None,
    )


def _bindings_of(workspace: Workspace, user: str) -> list[KeptBinding]:
    bindings = Binding.objects.filter(workspace=workspace, user_id=user).select_related("device")
    return [
        KeptBinding(binding, crypto.decrypt(sealed) if (sealed := binding.phone_number_sealed) else "")
        for binding in bindings.order_by("-bound_at", "-pk")[:MAX_BINDINGS]
    ]

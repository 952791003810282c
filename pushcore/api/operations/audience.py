"""What the app's backend says of devices and users: tags, topics, attributes, aliases; counts of audiences.

The published packages have no such actions: these are our own (docs/audiences.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rest_framework import serializers

from pushcore.api.fields import ConditionValue, JsonObject, Number, Text, TextList, TextMap
from pushcore.api.operation import EXAMPLE_SCOPE, SCOPE, V2020, Caller, Envelope, Operation
from pushcore.api.schema import OPTIONAL, RequestSchema
from pushcore.audience import aliases, conditions, names, profiles, resolve
from pushcore.audience.changes import NamesChange, ProfileChange, attributes_of
from pushcore.audience.walks import form_of
from pushcore.categories import consent
from pushcore.codes.results import ResultCode, ResultError
from pushcore.devices.state import TargetType
from pushcore.devices.target_names import clean_user_id
from pushcore.models import Workspace
from pushcore.storage.timeouts import StatementTimeoutError


@dataclass(frozen=True, slots=True)
class ProfileUpdate:
    """A change of the profiles of many targets of one kind."""

    kind: TargetType
    targets: list[str]
    change: ProfileChange


class _TargetsSchema(RequestSchema):
    """Name devices or users."""

    codes = {
        "targetType": ResultCode.DELIVERY_TYPE_NOT_SUPPORTED,
        "targets": ResultCode.TOKEN_OR_USERID_NULL,
    }

    targetType = Number(help_text="What targets are: 1 devices of any platform, 2 users.")
    targets = TextList(help_text="User IDs, or Ad-tokens and APNs tokens: at most 1,000.")


class _NamesSchema(_TargetsSchema):
    """Change tags or topics."""

    set = TextList(help_text="They have these and no others. Not beside add and remove.", required=False, default=None)
    add = TextList(help_text="They have these too; names that are new to the workspace are made.", required=False)
    remove = TextList(help_text="They do not have these any more.", required=False)


class PushUpdateTagsSchema(_NamesSchema):
    """Change the tags of devices or users."""

    @classmethod
    def build(cls, values: dict[str, Any]) -> ProfileUpdate:
        """Make the change."""
        change = ProfileChange(tags=NamesChange.of(values["set"], values["add"], values["remove"]))
        return ProfileUpdate(_kind(values["targetType"]), values["targets"], change)


class PushUpdateTopicsSchema(_NamesSchema):
    """Subscribe devices or users to topics, and unsubscribe them."""

    @classmethod
    def build(cls, values: dict[str, Any]) -> ProfileUpdate:
        """Make the change."""
        change = ProfileChange(topics=NamesChange.of(values["set"], values["add"], values["remove"]))
        return ProfileUpdate(_kind(values["targetType"]), values["targets"], change)


class PushUpdateAttributesSchema(_TargetsSchema):
    """Change the attributes of devices or users."""

    attributes = JsonObject(
        required=True,
        help_text='By name a text, a number or `{"time": milliseconds since 1970}`; null removes. Others stay.',
    )

    @classmethod
    def build(cls, values: dict[str, Any]) -> ProfileUpdate:
        """Make the change."""
        attributes = attributes_of(values["attributes"])
        return ProfileUpdate(_kind(values["targetType"]), values["targets"], ProfileChange(attributes=attributes))


class PushUpdateConsentSchema(_TargetsSchema):
    """Say whether devices take marketing messages."""

    marketingConsent = serializers.BooleanField(
        required=False, default=None, help_text="false: messages of marketing categories are not sent to them."
    )


class PushSetAliasesSchema(RequestSchema):
    """Give users aliases, or take them away."""

    aliases = TextMap(
        help_text="User IDs by alias, at most 1,000; empty text takes the alias away. One of another user's moves."
    )


class PushQueryProfileSchema(RequestSchema):
    """Ask what is known of a device or a user."""

    codes = {
        "target": ResultCode.TOKEN_OR_USERID_NULL,
        "targetType": ResultCode.DELIVERY_TYPE_NOT_SUPPORTED,
    }

    target = Text(help_text="User ID, Ad-token or APNs token.")
    targetType = Number(help_text="What the target is: 1 device of any platform, 2 user.")


class PushRemoveAudienceNamesSchema(RequestSchema):
    """Take tags and topics from the workspace, and from all that have them."""

    tags = TextList(help_text="Names of tags.", required=False)
    topics = TextList(help_text="Names of topics.", required=False)


class PushCountAudienceSchema(RequestSchema):
    """Count the devices that meet a condition."""

    condition = ConditionValue(help_text="The condition: an object, or text (docs/audiences.md).", **OPTIONAL)
    segmentName = Text(help_text="The segment whose condition counts, in place of condition.")


def update_profiles(workspace: Workspace, update: ProfileUpdate, caller: Caller) -> dict[str, Any]:
    """Change profiles. Returns which targets are no devices of the workspace; the others are changed."""
    return {"unknownTargets": profiles.update(workspace.pk, update.kind, update.targets, update.change)}


def update_consent(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
    """Keep whether devices take marketing messages. Returns which targets are no devices; the others are changed.

    A user stands for the devices that it is bound to now.
    """
    targets = values["targets"]
    if len(targets) > profiles.MAX_TARGETS:
        raise ResultError(ResultCode.INVALID_PARAM, f"targets: at most {profiles.MAX_TARGETS} in a call")
    if _kind(values["targetType"]) is TargetType.USER:
        users = [clean_user_id(target) for target in targets]
        consent.set_consent(consent.devices_of_users(workspace.pk, users), values["marketingConsent"])
        return {"unknownTargets": []}
    known = profiles.devices_of(workspace.pk, targets)
    consent.set_consent(sorted(set(known.values())), values["marketingConsent"])
    return {"unknownTargets": [target for target in targets if target not in known]}


def set_aliases(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> None:
    """Give users aliases, or take them away."""
    aliases.change(workspace, values["aliases"])


def query_profile(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
    """Show what is known of a device or a user.

    Attributes are a list: the RPC API capitalises the names of members, and an attribute's name is the caller's own.
    """
    kind = _kind(values["targetType"])
    profile = profiles.profile_of(workspace.pk, kind, values["target"])
    if profile is None:
        raise ResultError(ResultCode.DELIVERYTOKEN_INVALID)
    return {
        "tags": profile.tags,
        "topics": profile.topics,
        "attributes": attributes_shown(profile.attributes),
        "aliases": aliases.of_user(workspace, values["target"].strip()) if kind is TargetType.USER else [],
    }


def attributes_shown(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return attributes as answers have them, in alphabetical order."""
    return [{"name": name, **_typed(value)} for name, value in sorted(attributes.items())]


def _typed(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return {"type": "time", "value": value["time"]}
    return {"type": "text" if isinstance(value, str) else "number", "value": value}


def list_names(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
    """List the names of the workspace's tags and topics."""
    return {"tags": names.all_of(workspace.pk, names.Kind.TAG), "topics": names.all_of(workspace.pk, names.Kind.TOPIC)}


def remove_names(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> None:
    """Take tags and topics from the workspace, and from all that have them."""
    if not (values["tags"] or values["topics"]):
        raise ResultError(ResultCode.INVALID_PARAM, "tags or topics are needed")
    names.remove(workspace.pk, names.Kind.TAG, values["tags"])
    names.remove(workspace.pk, names.Kind.TOPIC, values["topics"])


def count_audience(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
    """Count the devices that meet a condition."""
    condition = conditions.parse(form_of(workspace, values["condition"], values["segmentName"]))
    try:
        return {"devices": resolve.count(workspace.pk, condition)}
    except StatementTimeoutError:
        raise ResultError(
            ResultCode.SYSTEM_ERROR, f"not counted within {resolve.COUNT_TIMEOUT_MS // 1000} s; try again"
        ) from None


def _kind(number: int) -> TargetType:
    try:
        return TargetType(number)
    except ValueError:
        raise ResultError(ResultCode.DELIVERY_TYPE_NOT_SUPPORTED, "targetType is 1 (devices) or 2 (users)") from None


_TARGETS = (*SCOPE, "targetType", "targets")
_UNKNOWN: dict[str, list[str]] = {"unknownTargets": []}

OPERATIONS = (
    Operation(
        "PushUpdateTags",
        "audience/tags",
        "Change the tags of devices or users",
        PushUpdateTagsSchema,
        update_profiles,
        {V2020: _TARGETS},
        Envelope.RESULT_CONTENT,
        example=(
            EXAMPLE_SCOPE | {"targetType": 2, "targets": ["user1024", "user1025"], "add": ["vip"], "remove": ["trial"]},
            _UNKNOWN,
        ),
    ),
    Operation(
        "PushUpdateTopics",
        "audience/topics",
        "Subscribe devices or users to topics, unsubscribe them",
        PushUpdateTopicsSchema,
        update_profiles,
        {V2020: _TARGETS},
        Envelope.RESULT_CONTENT,
        example=(EXAMPLE_SCOPE | {"targetType": 1, "targets": ["Zx3f9dQ2c0"], "add": ["news"]}, _UNKNOWN),
    ),
    Operation(
        "PushUpdateAttributes",
        "audience/attributes",
        "Change the attributes of devices or users",
        PushUpdateAttributesSchema,
        update_profiles,
        {V2020: (*_TARGETS, "attributes")},
        Envelope.RESULT_CONTENT,
        example=(
            EXAMPLE_SCOPE
            | {
                "targetType": 2,
                "targets": ["user1024"],
                "attributes": {"age": 30, "city": "Oslo", "joined": {"time": 1767225600000}, "nickname": None},
            },
            _UNKNOWN,
        ),
    ),
    Operation(
        "PushUpdateConsent",
        "audience/consent",
        "Say whether devices take marketing messages",
        PushUpdateConsentSchema,
        update_consent,
        {V2020: (*_TARGETS, "marketingConsent")},
        Envelope.RESULT_CONTENT,
        example=(EXAMPLE_SCOPE | {"targetType": 2, "targets": ["user1024"], "marketingConsent": False}, _UNKNOWN),
    ),
    Operation(
        "PushSetAliases",
        "audience/aliases",
        "Give users aliases, or take them away",
        PushSetAliasesSchema,
        set_aliases,
        {V2020: (*SCOPE, "aliases")},
        example=(EXAMPLE_SCOPE | {"aliases": {"ann@example.com": "user1024", "former@example.com": ""}}, None),
    ),
    Operation(
        "PushQueryProfile",
        "audience/profile",
        "Show tags, topics, attributes and aliases of a device or a user",
        PushQueryProfileSchema,
        query_profile,
        {V2020: (*SCOPE, "target", "targetType")},
        Envelope.RESULT_CONTENT,
        example=(
            EXAMPLE_SCOPE | {"target": "user1024", "targetType": 2},
            {
                "tags": ["vip"],
                "topics": ["news"],
                "attributes": [
                    {"name": "age", "type": "number", "value": 30},
                    {"name": "joined", "type": "time", "value": 1767225600000},
                ],
                "aliases": ["ann@example.com"],
            },
        ),
    ),
    Operation(
        "PushQueryAudienceNames",
        "audience/names",
        "List the workspace's tags and topics",
        RequestSchema,
        list_names,
        {V2020: SCOPE},
        Envelope.RESULT_CONTENT,
        example=(EXAMPLE_SCOPE, {"tags": ["trial", "vip"], "topics": ["news"]}),
    ),
    Operation(
        "PushRemoveAudienceNames",
        "audience/names/remove",
        "Take tags and topics from the workspace, and from all that have them",
        PushRemoveAudienceNamesSchema,
        remove_names,
        {V2020: SCOPE},
        example=(EXAMPLE_SCOPE | {"tags": ["trial"]}, None),
    ),
    Operation(
        "PushCountAudience",
        "audience/count",
        "Count the devices that meet a condition",
        PushCountAudienceSchema,
        count_audience,
        {V2020: SCOPE},
        Envelope.RESULT_CONTENT,
        example=(
            EXAMPLE_SCOPE | {"condition": {"and": [{"tag": "vip"}, {"platform": "ios"}, {"last_seen_within_days": 7}]}},
            {"devices": 48210},
        ),
    ),
)

"""Give up tokens that a vendor calls dead: only where the account is known to be right.

A wrong account (another app's, another environment's) is told of every token that it is dead. What tells it from a
right one is an accepted token. So refusals in a row are kept, by token, until one is accepted: then all of them are
given up. Where there are too many the account is stopped for an operator to look, and none is given up. An account is
proven once it has had a token accepted as it is configured now: then the first refusal after an accepted token is
believed at once, and more in a row are needed to stop the account.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from channels_vendor.base.outcomes import SendOutcome, Verdict
from channels_vendor.models import RefusedToken, VendorAccount
from pushcore.storage.sql import statements

_SQL = statements(__file__)

# So many tokens refused one after the other stop the channel: of an account that has had none accepted since its
# configuration changed, and of one that has. Lists of devices that have long been away hold long runs of dead tokens.
MOST_UNPROVEN = 10
MOST_PROVEN = 200


class DeadToken(NamedTuple):
    """A token to forget, unless the device reported it later than `since`."""

    device_id: int
    token: str
    since: datetime


class Decision(NamedTuple):
    """What follows from a batch: the tokens to give up, and whether the account has to stop.

    Attributes:
        dead: The tokens.
        stop_after: How many were refused one after the other, if these are too many; else 0.
        stop_reason: What the vendor said of the last of these.
    """

    dead: list[DeadToken]
    stop_after: int = 0
    stop_reason: str = ""


def decide(
    row: VendorAccount, results: Sequence[SendOutcome], asked_at: datetime, exhausted: Collection[tuple[int, str]] = ()
) -> Decision:
    """Note what the vendor accepted and refused, in the caller's transaction, and decide what follows.

    Args:
        row: The account.
        results: The batch's outcomes.
        asked_at: When the vendor was asked: a token reported later lives.
        exhausted: (device, token) of those refused without a reason that are at their end (`suspect_tokens.given_up`).
    """
    refused = {
        one.delivery.device_id: (
            DeadToken(one.delivery.device_id, one.delivery.token, one.gone_at or asked_at),
            one.verdict is Verdict.GONE or (one.delivery.device_id, one.delivery.token) in exhausted,
        )
        for one in results
        if one.verdict is Verdict.GONE or one.suspect
    }
    dead = [token for token, is_dead in refused.values() if is_dead]
    if any(one.verdict is Verdict.ACCEPTED for one in results):
        return Decision(dead + note_accepted(row))
    if not refused:
        return Decision([])
    VendorAccount.objects.select_for_update().filter(pk=row.pk).first()
    in_a_row = _keep(row, list(refused.values()))
    proven = row.is_proven
    if in_a_row >= (MOST_PROVEN if proven else MOST_UNPROVEN):
        RefusedToken.objects.filter(account=row).delete()
        reason = next(one.vendor_code for one in reversed(results) if one.verdict is Verdict.GONE or one.suspect)
        return Decision([], in_a_row, reason)
    return Decision(dead if proven and in_a_row == 1 else [])


def note_accepted(row: VendorAccount) -> list[DeadToken]:
    """Note that the vendor accepted a token of the account as it is configured.

    Returns:
        The tokens that are dead with that: those it was refused before.
    """
    if row.is_proven and not RefusedToken.objects.filter(account=row).exists():
        return []
    configuration = row.configuration
    VendorAccount.objects.filter(pk=row.pk).update(proven_for=configuration)
    with connection.cursor() as cursor:
        cursor.execute(_SQL["accept"], {"account": row.pk, "configuration": configuration})
        return [DeadToken(*token) for *token, is_dead in cursor.fetchall() if is_dead]


def _keep(row: VendorAccount, refused: Sequence[tuple[DeadToken, bool]]) -> int:
    """Keep what was refused of the account as it is configured.

    Returns:
        How many tokens that are since the last one that was accepted.
    """
    configuration = row.configuration
    with connection.cursor() as cursor:
        cursor.execute(_SQL["forget_former"], {"account": row.pk, "configuration": configuration})
        cursor.execute(
            _SQL["keep"],
            {
                "account": row.pk,
                "configuration": configuration,
                "devices": [token.device_id for token, _ in refused],
                "tokens": [token.token for token, _ in refused],
                "since": [token.since for token, _ in refused],
                "dead": [is_dead for _, is_dead in refused],
            },
        )
    return RefusedToken.objects.filter(account=row).count()

"""What the rest of the service asks of SMS (`pushcore.ports.SmsComplement`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

from django.db import connection

from pushcore.models import PushTask
from pushcore.ports import MessageToComplement, SmsSummary, SmsWish
from pushcore.storage.sql import statements
from sms.base import sentences
from sms.models import SmsAccount, SmsMessage

_SQL = statements(__file__)


class Complement:
    """SMS for messages that did not arrive."""

    def problem(self, workspace_id: int, wish: SmsWish, /) -> str:
        """Return why the workspace cannot send such an SMS, in a sentence; empty if it can.

        An account that was stopped takes SMS: they wait for a while for an operator to look.
        """
        row = SmsAccount.objects.filter(workspace_id=workspace_id, enabled=True).first()
        return row.description.problem(row.public_values, wish) if row else sentences.NO_ACCOUNT

    def add(self, messages: Sequence[MessageToComplement], /) -> None:
        """Write a row for each message, in the caller's transaction. One statement."""
        ids, tasks, workspaces, due_at = (list(column) for column in zip(*messages, strict=True))
        with connection.cursor() as cursor:
            parameters = {"ids": ids, "tasks": tasks, "workspaces": workspaces, "due_at": due_at}
            cursor.execute(_SQL["add"], parameters)

    def render(self, workspace_id: int, wish: SmsWish, text: str, /) -> str:
        """Return what would be sent: the text, or the template with its values, whose text the provider has."""
        row = SmsAccount.objects.filter(workspace_id=workspace_id).first()
        return row.description.render(row.public_values, wish, text) if row else ""

    def summary(self, task: PushTask, /) -> SmsSummary | None:
        """Count a task's SMS by state, and add up what they cost. One statement, only for tasks that want SMS."""
        if task.sms is None:
            return None
        first, last = task.message_ids
        with connection.cursor() as cursor:
            cursor.execute(_SQL["summary"], {"task": task.pk, "first": first, "last": last})
            rows = cursor.fetchall()
        names = {state.value: state.name for state in SmsMessage.State}
        counts = dict.fromkeys(names.values(), 0)
        segments, costs = 0, defaultdict[str, Decimal](Decimal)
        for state, currency, count, charged, price in rows:
            counts[names[state]] += count
            segments += charged
            if price is not None:
                costs[currency] += price
        return SmsSummary(counts, segments, dict(costs))


complement = Complement()

"""Fills the demo workspace with two weeks of traffic, in one transaction, once."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db import transaction

from analytics import rollups
from console.demo_data import categories, customers, operators, receipts, vendor_accounts
from console.demo_data.audience import make_audience
from console.demo_data.offers import FORMER_TEXTS, TEMPLATES
from console.demo_data.plan import Planner
from console.demo_data.schedules import PastSchedules, plan_schedules
from console.demo_data.simulation import DeliverySimulation
from console.demo_data.traffic import PastPushes
from pushcore.channels import Platform
from pushcore.demo import APP_ID, WORKSPACE_ID
from pushcore.models import AccessKey, App, Device, Template, Workspace
from pushcore.push import template_versions, templates
from pushcore.push.templates import TemplateDraft
from pushcore.storage import clock, partitions

# Two weeks: pages compare one with the one before.
DAYS = 14
_SEED = 20_200_101
_AUTHOR = "olga"
_FOLD_SECONDS = 60.0


class DemoDataError(Exception):
    """The installation is no demo; the message says why, in one line."""


class Filled(NamedTuple):
    """How much was made; nothing where it was there already."""

    devices: int
    tasks: int
    messages: int


def fill(*, known_passwords: bool) -> Filled:
    """Make the demo's traffic, unless it has been made before.

    Args:
        known_passwords: Give the console's users a password that everybody knows (`operators`); only where nobody but
            this machine reaches the console.

    Raises:
        DemoDataError: There is no demo app, or there are others beside it.
    """
    workspace = Workspace.objects.select_related("app").filter(app__app_id=APP_ID, workspace_id=WORKSPACE_ID).first()
    if workspace is None:
        raise DemoDataError("there is no demo workspace: `make run` makes it")
    if Device.objects.filter(ad_token=customers.first_ad_token()).exists():
        return Filled(0, 0, 0)
    if other := App.objects.exclude(app_id=APP_ID).first():
        raise DemoDataError(f"this installation has apps of its own ({other.app_id}): demo data are for an empty one")
    now = clock.now()
    days = _make_partitions(now)
    with transaction.atomic():
        filled = _fill(workspace, now, days, known_passwords=known_passwords)
    rollups.fold(budget_seconds=_FOLD_SECONDS)
    return filled


def _fill(workspace: Workspace, now: datetime, days: int, *, known_passwords: bool) -> Filled:
    rng = random.Random(_SEED)  # noqa: S311 - nothing secret is chosen
    zone = ZoneInfo(workspace.time_zone)
    people = operators.make_operators(workspace, now, known_passwords=known_passwords)
    vendors = vendor_accounts.make_accounts(workspace, now)
    vendor_accounts.make_sms_account(workspace)
    _make_templates(workspace, now)
    categories.make_categories(workspace)
    devices = customers.make_devices(workspace, rng, now)
    operators.make_test_devices(workspace, devices)
    bound = {binding.device_id for binding in customers.make_bindings(workspace, devices, rng, now)}
    make_audience(workspace, devices, now)
    alone = [device for device in devices if device.pk not in bound and device.platform in set(Platform)]
    planner = Planner(rng, customers.user_ids(), alone, _access_key_id(workspace))
    schedules = PastSchedules(workspace, plan_schedules(now, days, zone), now)
    planned = sorted([*planner.pushes(now, days, zone), *schedules.pushes()], key=lambda push: push.at)
    simulation = DeliverySimulation(rng, now, vendors, [device.pk for device in devices])
    pushes = PastPushes(workspace, simulation, devices, bound)
    pushes.add(planned)
    vendor_accounts.note_stopped(workspace, simulation.stopped_at or now)
    vendor_accounts.note_accepted(workspace, simulation.at_vendors)
    pushes.write()
    schedules.write()
    receipts.switch_on(workspace)
    receipts.write(workspace, pushes.messages, rng, now)
    operators.write_audit_log(workspace, people, pushes.tasks, now)
    return Filled(len(devices), len(pushes.tasks), len(pushes.messages))


def _make_partitions(now: datetime) -> int:
    """Make the partitions of the days before; return of how many days rows are kept."""
    for ago in range(1, DAYS + 2):  # days of a time zone reach into one more of UTC
        for table in partitions.tables():
            day = now - timedelta(days=ago)
            if table.partition(day) >= table.oldest(now):
                partitions.create(table, day)
    return min(DAYS, partitions.message_retention().days)


def _make_templates(workspace: Workspace, now: datetime) -> None:
    for place, draft in enumerate(TEMPLATES):
        if not Template.objects.filter(workspace=workspace, name=draft.name).exists():
            _make_template(workspace, draft, now - timedelta(days=20 - place))


def _make_template(workspace: Workspace, draft: TemplateDraft, at: datetime) -> None:
    """Make a template, with a version for each of its former texts, an hour apart."""
    former = (replace(draft, title=title, body=body) for title, body in FORMER_TEXTS.get(draft.name, ()))
    first, *later = (*former, draft)
    made = templates.create(workspace, first, author=_AUTHOR)
    for one in later:
        made = template_versions.revise(made, one, based_on=made.version, author=_AUTHOR)
    for version in template_versions.former(made):
        version.saved_at = at + timedelta(hours=version.version - 1)
        version.save()
    made.created_at, made.saved_at = at, at + timedelta(hours=made.version - 1)
    made.save()


def _access_key_id(workspace: Workspace) -> str:
    """Return the key that the demo's backend signs with, and note its last use."""
    found = AccessKey.objects.filter(workspaces=workspace).order_by("pk")
    found.update(last_used_at=clock.now())
    first = found.first()
    return first.access_key_id if first else ""

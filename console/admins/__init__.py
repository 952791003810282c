"""The pages of the models, one file a subject. Importing this package registers them all with the site."""

from console.admins import (
    access_keys,
    apps,
    bindings,
    devices,
    internals,
    members,
    message_events,
    messages,
    push_tasks,
    receipts,
    rsa_keys,
    schedules,
    templates,
    users,
    vendor_accounts,
    workspaces,
)

__all__ = [
    "access_keys",
    "apps",
    "bindings",
    "devices",
    "internals",
    "members",
    "message_events",
    "messages",
    "push_tasks",
    "receipts",
    "rsa_keys",
    "schedules",
    "templates",
    "users",
    "vendor_accounts",
    "workspaces",
]

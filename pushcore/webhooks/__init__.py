"""Webhooks: tell backends what happened to messages, devices, users and tasks.

An event is a row for each endpoint that wants its type, written in the transaction that makes it true. The sender of
receipts posts them too (`pushcore.callbacks`), signed by the Standard Webhooks scheme (standardwebhooks.com).

- `event_types`: the events there are
- `events`: queue events
- `endpoints`: create endpoints, rotate their secrets, disable dead ones
- `signing`: build the signed request
- `deliveries`: the queue that the sender reads
- `replay`: post events again; post a test event
"""

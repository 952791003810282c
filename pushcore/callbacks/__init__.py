"""Receipts: telling a backend what became of its messages.

A receipt is a row, written in the transaction that changed the status (`pushcore.delivery.outcomes`); the row is
the queue.
Senders lease due rows, post them, and write the attempts back in bulk: at least once, never in the way of delivery.

`rows` leases and records, `signing` makes the request, `pace` says how many an endpoint gets at once, `sender` is the
process that does it all, `waking` tells it that there is work.
"""

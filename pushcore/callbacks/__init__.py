"""Receipts: report to a backend what became of its messages.

A receipt is a row, written in the transaction that changed the status (`pushcore.delivery.outcomes`); the row is the
queue. Senders lease due rows, post them and write the attempts back in bulk: at least once, and never on the path of
delivery.

- `receipts`: lease and record rows
- `signing`: build the signed request
- `webhook_client`: post to URLs that customers give
- `congestion`: how many calls an endpoint gets at once
- `sender`: the process that does it all
- `sender_signals`: wake a sender, and tell whether one is alive
"""

"""Inboxes: the messages of the last days, for an app's message centre.

A message is in the inbox of its user, or of its device where it was pushed to that, if its push said `inbox: true`,
whether it was delivered or not. Revoked messages leave it.

- `owners`: whose inbox
- `pages`: read pages, count what is unread
- `marks`: mark as read, delete
"""

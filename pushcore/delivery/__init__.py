"""From committed rows to devices, and what becomes of messages.

deliverable      what may be delivered now: the one rule, and the queries that read by it
dispatch         messages are given to lanes
payload          the bytes that a device gets
pending_cursor   the message id up to which nothing waits for a device
sweeper          what was committed and lost on its way is dispatched again
outcomes         the one place where a status changes; task_counters: what tasks say of it
expiry           what was not delivered in time
events           what devices report: arrived, opened, ignored
"""

"""From committed rows to devices, and what becomes of messages.

deliverable      what may be delivered now: the rules, and the queries that read by them
dispatch         give messages to lanes
payload          the bytes that a device gets
pending_cursor   the message id up to which nothing waits for a device
sweeper          dispatch again what was committed and lost on its way
outcomes         the one place where a message's status changes
task_counters    how many messages a task has, and what became of them
expiry           what was not delivered in time
events           what devices report: arrived, opened, ignored
"""

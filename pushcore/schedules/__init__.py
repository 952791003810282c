"""Scheduled pushes (strategyType 1 and 2).

- `times`: from a strategy and a time zone to the moments of sending
- `service`: create, list and cancel schedules
- `filters`: what a list is narrowed by
- `firing`: send what is due, each occurrence once
- `calendar`: what is sent on the days of a month
- `progress`: the next and the last time of sending, and the state of a schedule
"""

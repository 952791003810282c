"""Multiple push from a file: up to 200 MB of targets, one record on a line.

- `upload`: receive the file in chunks; once whole and hashed, it becomes a push task
- `inspection`: summarise a kept file before it is pushed
- `records`: parse a line into a record, or the reason why it is none
- `blocks`: read a kept file back from its chunks, in blocks of whole lines
- `source`: turn records into messages, for `pushcore.loading`
"""

"""Multiple push from a file: up to 200 MB of targets, a record a line.

upload   the file comes in pieces and is kept in pieces; whole and hashed, it becomes a push task
inspection  what is in a kept file, before it is pushed
records  a line -> a record, or the reason why not
pieces   a kept file, read in blocks of whole lines
load     records -> messages, chunk by chunk by COPY; each chunk is one transaction with the position it ends at
"""

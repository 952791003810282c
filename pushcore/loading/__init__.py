"""Make the messages of a push task block by block, where there are too many for the request that pushes them.

- `source`: where the messages come from: what a kind of push says of its own blocks
- `messages`: write a block's messages with COPY, and make the first attempt to deliver them
- `lease`: one loader for each task
- `pace_callback`: go on while a URL of the push's backend says so
- `pace`: no more messages a second than the push allows
- `load`: blocks are prepared, written and dispatched side by side; a block is one transaction with the position it
  ends at
"""

"""From a message to a vendor's call: the lane, the senders, and what they learn of accounts and tokens."""

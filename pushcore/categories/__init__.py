"""Message categories: what a workspace calls its kinds of messages, and the rules that each of them has.

    catalog        categories by their names, and what may be kept as one
    admission      what of new messages is not sent at all, decided when they are inserted: consent, then caps
    caps           how many messages of a category a user or device gets a day and a week
    consent        devices that refuse marketing messages
    quiet_hours    when these end, messages that waited are offered again

Whether a message that waits may be delivered now is a matter of `pushcore.delivery.deliverable`.
"""

"""Accepting pushes, from a request to committed rows.

requests             what a push says (data)
pushes               the way of a push: validate, insert, first attempt
validation           a request becomes a `ValidatedPush`, by way of
    limits           lengths and ranges, and the result code of each breach
    recipients       the targets that are named, each with its msgkey
    content          what devices are shown
    vendor_options   what only vendors' channels read
targets              from users, tokens and IDs to devices
insert               the rows of a push, and the one statement that claims keys and writes them
idempotency          a msgkey and target are accepted once within 24 hours
templates            content with placeholders: created, listed, deleted, rendered
placeholders         finding placeholders in a text, and filling them in
audience_estimate    how many devices a push would reach
"""

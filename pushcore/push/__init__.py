"""Accepting pushes, from a request to committed rows.

requests       what a push says (data)
pushes         the way of a push: validate, insert, first attempt
validation     limits, recipients, content: a request becomes a `ValidatedPush`
insert         its rows, and the one statement that claims, and writes them; `group_commit` shares it among threads
idempotency    a msgkey and target are accepted once within 24 hours
targets        from users, tokens and IDs to devices

templates and placeholders: content with values to be filled in. vendor_options: what only vendors' channels read.
"""

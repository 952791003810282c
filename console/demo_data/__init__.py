"""Two weeks of plausible traffic for the demo app, so that every page of the console shows something.

    fill               everything below, in one transaction, once
    offers             what the shop and bank of the demo push: templates, notices, campaigns, broadcasts
    customers          its users and their devices
    vendor_accounts    its accounts at vendors: in use, stopped, with a certificate that expires soon
    plan               when it pushes what to whom
    simulation         what becomes of each message
    traffic            the rows of tasks, messages and events
    schedules          scheduled pushes: past, to come, cancelled
    receipts           what its backend was told, and when that failed
    operators          who works in the console, and what they did

Rows are made by the functions that the service uses and moved into the past. Random choices have a seed: of one moment
the data are always the same, but for keys.
"""

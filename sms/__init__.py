"""SMS that complement messages: accounts at providers, what is due, sending, and delivery reports.

- `base`: what providers share; the contract that each keeps
- `providers/`: one folder for each: description, calls and answers, errors
- `dispatch`: taking messages over, and sending what is due, once
- `reports`: what providers post later of an SMS
"""

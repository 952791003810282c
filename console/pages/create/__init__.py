"""Create a message: four kinds of push on one page (source document, 6.1.1 to 6.1.4).

fields         building blocks of the forms
forms          one form for each kind of push, which makes the push request
sending        the schedule: now, at a time, or repeatedly
message_forms  the forms of the page together, and what was typed into them
explanations   what an operator reads where the service refuses a push
drafts         what was typed, saved while it is typed
duplicating    the page filled in from an earlier push
preview        what each channel shows, while the form is being filled in
advice         what is allowed but does not look as it should
testing        the message pushed to test devices first
files          upload and inspection of a multiple push's file
review         whom and how many devices a push would reach
details        every setting of the form, listed for the review
confirming     the check of the number typed to confirm a broadcast
scope          the kinds of push, and the workspaces a user may push in
views          the steps: form, review, push
"""

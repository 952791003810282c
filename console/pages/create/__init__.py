"""Create a message: four kinds of push on one page (source document, 6.1.1 to 6.1.4).

fields      building blocks of the forms
forms       one form for each kind of push, which makes the push request
sending     the schedule: now, at a time, or repeatedly
preview     what the device will get, while the form is being filled in
files       upload and inspection of a multiple push's file
review      how many devices a push would reach
details     every setting of the form, listed for the review
confirming  the check of the number typed to confirm a broadcast
views       the steps: form, review, push
"""

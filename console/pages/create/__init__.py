"""Create a message: four kinds on one page (source document, 6.1.1 to 6.1.4).

fields    what the forms are made of
forms     a form for each kind of push: fields in, a request out
sending   now, at a time, or again and again
preview   what the device will get, as typed
files     the file of a multiple push: taken, and looked at
views     form -> review -> push
"""

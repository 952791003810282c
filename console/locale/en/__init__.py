"""English formats of dates and times; the texts in the code are English already."""

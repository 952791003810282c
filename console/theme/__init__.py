"""Name, colours and sidebar of the console."""

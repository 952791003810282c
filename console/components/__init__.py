"""What the console's pages are made of: base admin classes, lists, columns, filters, confirmations, live figures."""

"""Commands of the console, a module a command."""

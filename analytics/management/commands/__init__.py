"""Commands of usage analysis, a module a command."""

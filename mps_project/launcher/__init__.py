"""The launcher, `mps run`: the whole service on one machine, with engines of its own where none are named."""

"""A package with the folder of one vendor, as `channels_vendor` has many."""

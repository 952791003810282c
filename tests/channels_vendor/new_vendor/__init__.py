"""A package with the folder of one vendor, found as those in `channels_vendor` are."""

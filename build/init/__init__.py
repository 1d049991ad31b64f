"""The verb ``init``: the registry of a data set of one's own, and what to run next."""

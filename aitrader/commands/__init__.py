"""The commands of `aitrader`, one file a group. They ask, print and choose exit codes; the work is done elsewhere."""

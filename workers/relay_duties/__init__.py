"""What the active relay does each round, beside what stands in `workers.relay` itself: one file a group of duties."""

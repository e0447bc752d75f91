"""Use cases: one is one method, and one transaction."""

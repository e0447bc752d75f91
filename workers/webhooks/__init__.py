"""Sends what webhooks are to be told, from a thread of each relay (docs/adr/0020)."""

"""Accepts jobs, records them and relays every change; it computes nothing."""

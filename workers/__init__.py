"""Runs jobs: claims them from Postgres, calls the engines, and records how each attempt ended."""

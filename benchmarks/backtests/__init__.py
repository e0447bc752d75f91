"""The strategy engine beside its peers and a bare C loop (docs/benchmarks.md)."""

"""`make bench`: every benchmark, one after the other."""

from benchmarks import backtest, imports, patterns

for benchmark in (imports, backtest, patterns):
    print(f"\n== {benchmark.__name__}: {(benchmark.__doc__ or '').splitlines()[0]}")
    benchmark.main()

"""What a result needs to be made again: the same record run again gives the same bytes."""

from backend.core.jobs.payload import Contract, Part


class BarsUsed(Contract):
    symbol: str
    timeframe: str
    source: str
    revision: int
    bar_count: int
    first_bar: str
    last_bar: str
    fingerprint: str


class Machine(Part):
    """What computed a result. Another may round otherwise in the last place, or write the same rows as other bytes."""

    cpu: str
    kernels: str
    """A hash over the sources of all kernels, their compiler and the processor's features."""
    numba: str
    numpy: str
    pyarrow: str


class Provenance(Contract):
    engine: str
    engine_version: str
    payload_hash: str
    seed: int
    data_fingerprint: str
    """A hash over the fingerprints of all bars used, in the order of their symbols and timeframes."""
    bars: tuple[BarsUsed, ...] = ()
    machine: Machine | None = None

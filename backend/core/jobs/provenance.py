"""What a result needs to be made again: the same record run again gives the same bytes."""

from backend.core.jobs.payload import Contract


class BarsUsed(Contract):
    symbol: str
    timeframe: str
    source: str
    revision: int
    bar_count: int
    first_bar: str
    last_bar: str
    fingerprint: str


class Provenance(Contract):
    engine: str
    engine_version: str
    payload_hash: str
    seed: int
    data_fingerprint: str
    """A hash over the fingerprints of all bars used, in the order of their symbols and timeframes."""
    bars: tuple[BarsUsed, ...] = ()

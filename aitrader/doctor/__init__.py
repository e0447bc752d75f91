"""Checks of an installation, one after the other, each with what to do about a failure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from aitrader.doctor import probe, services, stores
from aitrader.doctor.findings import Finding, Look, Patient, checked_settings

CHECKS: Mapping[str, Look] = {
    "data folder": services.data_folder,
    "stack": services.stack,
    "postgres": checked_settings(stores.postgres),
    "redis": checked_settings(stores.redis),
    "artifacts": checked_settings(stores.artifacts),
    "disk space": stores.disk,
    "api": services.api,
    "workers": services.part("workers", "start one with `python -m workers`, or read `aitrader logs worker`"),
    "relay": services.part("relay", "start one with `python -m workers.relay`, or read `aitrader logs relay`"),
    "flower": services.part("flower", "read `aitrader logs flower`"),
    "models": services.models,
    "probe job": probe.probe_job,
}


@dataclass(frozen=True)
class Check:
    name: str
    finding: Finding


def examine(data_dir: Path) -> Iterator[Check]:
    """Yield each check as soon as it is done."""
    patient = Patient(data_dir)
    for name, look in CHECKS.items():
        yield Check(name, look(patient))

"""Small real data with provenance, and simulators whose truth is known."""

from __future__ import annotations

from clustereffects.datasets.real import DatasetDescription, describe, load_jobtraining, load_lalonde, load_mpdta
from clustereffects.datasets.region import RegionOptions, SimulatedRegion, simulate_region
from clustereffects.datasets.simulate import ProgrammeOptions, SimulatedProgramme, simulate_programme
from clustereffects.datasets.truth import ProgrammeTruth, TrueEffect

__all__ = [
    "DatasetDescription",
    "ProgrammeOptions",
    "ProgrammeTruth",
    "RegionOptions",
    "SimulatedProgramme",
    "SimulatedRegion",
    "TrueEffect",
    "describe",
    "load_jobtraining",
    "load_lalonde",
    "load_mpdta",
    "simulate_programme",
    "simulate_region",
]

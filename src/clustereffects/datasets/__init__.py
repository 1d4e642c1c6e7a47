"""Small real data with provenance, and simulators whose truth is known."""

from __future__ import annotations

from clustereffects.datasets.simulate import ProgrammeOptions, SimulatedProgramme, simulate_programme
from clustereffects.datasets.truth import ProgrammeTruth, TrueEffect

__all__ = ["ProgrammeOptions", "ProgrammeTruth", "SimulatedProgramme", "TrueEffect", "simulate_programme"]

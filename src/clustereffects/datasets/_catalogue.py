"""What the simulated region is made of, read from the files shipped beside this module."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class IndustryKey:
    """Pairs of an old and a new industry code, one entry per pair."""

    sni2002: NDArray[np.object_]
    sni2007: NDArray[np.object_]
    share: NDArray[np.float64]
    frequency: NDArray[np.float64]
    trend: NDArray[np.float64]

    @property
    def division(self) -> NDArray[np.object_]:
        """First two digits of the new code."""
        return np.array([code[:2] for code in self.sni2007], dtype=object)


@dataclass(frozen=True, slots=True)
class Organisation:
    """A cluster organisation as the catalogue knows it."""

    name: str
    field: str
    county: str
    divisions: tuple[str, ...]
    selection: str


@dataclass(frozen=True, slots=True)
class Code:
    """A code of the interviews: what it says about which claim and how often it is heard."""

    code: str
    label: str
    claim: str
    target: str
    group: str
    observed: tuple[float, float, float]
    bridge: tuple[str, ...]
    late: bool
    sentences: tuple[str, ...]


def resource(name: str) -> str:
    """Text of a file in ``files/region``."""
    return resources.files(__package__).joinpath("files", "region", name).read_text(encoding="utf-8")


@cache
def catalogue() -> dict[str, Any]:
    """The catalogue as it stands in its file."""
    return tomllib.loads(resource("catalogue.toml"))


def organisations() -> tuple[Organisation, ...]:
    """All cluster organisations of the catalogue."""
    return tuple(Organisation(**row | {"divisions": tuple(row["divisions"])}) for row in catalogue()["organisations"])


def industry_key() -> IndustryKey:
    """The many-to-many key between industry codes with the frequency of each pair among firms."""
    old, new, share, weight = (list(column) for column in zip(*catalogue()["industries"]["key"], strict=True))
    trend = catalogue()["industries"]["trend"]
    frequency = np.array(share) * np.array(weight, dtype=float)
    return IndustryKey(
        np.array(old, dtype=object),
        np.array(new, dtype=object),
        np.array(share, dtype=float),
        frequency / frequency.sum(),
        np.array([trend.get(code[:2], 0.0) for code in new]),
    )


def codes() -> tuple[Code, ...]:
    """All codes of the interviews; one without a claim belongs to the codebook but not to the bridge."""
    return tuple(_code(row) for row in catalogue()["codes"])


def _code(row: dict[str, Any]) -> Code:
    return Code(
        code=row["code"],
        label=row["label"],
        claim=row.get("claim", ""),
        target=row.get("target", ""),
        group=row.get("group", ""),
        observed=tuple(row["observed"]),
        bridge=tuple(row.get("bridge", ())),
        late=row.get("late", False),
        sentences=tuple(row["sentences"]),
    )

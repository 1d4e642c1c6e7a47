"""Random multipliers with mean zero and variance one, for bootstraps of influence functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
MultiplierKind = Literal["rademacher", "mammen", "webb"]

_GOLDEN = np.sqrt(5.0)
_MAMMEN = np.array([(1 - _GOLDEN) / 2, (1 + _GOLDEN) / 2])
_MAMMEN_LOW = int((_GOLDEN + 1) / (2 * _GOLDEN) * 2**32)
_WEBB = np.array([sign * np.sqrt(value) for sign in (-1, 1) for value in (0.5, 1.0, 1.5)])


@dataclass(frozen=True, slots=True)
class Multipliers:
    """A number of draws of multipliers of one kind; the same seed gives the same draws.

    Parameters
    ----------
    kind : {"rademacher", "mammen", "webb"}
        ±1 with equal chances; Mammen's two points, which also have a third moment of one; Webb's six points.
    draws : int
    seed : int

    Raises
    ------
    TypeError
        If a part is missing.

    References
    ----------
    Mammen (1993), *Annals of Statistics* 21(1), section 3; Webb (2023), *Canadian Journal of Economics* 56(3).

    Examples
    --------
    >>> choice = Multipliers("rademacher", 3, seed=1)
    >>> bool((abs(choice.sample(choice.generator(), 5)) == 1).all())
    True
    """

    kind: MultiplierKind
    draws: int
    seed: int

    def generator(self) -> np.random.Generator:
        """Generator at the start of the stream."""
        return np.random.default_rng(self.seed)

    def sample(self, generator: np.random.Generator, units: int) -> FloatArray:
        """Multipliers (draws, units) of the next units in the stream, however many are taken at a time.

        Raises
        ------
        KeyError
            If the kind is unknown.
        """
        make = {"rademacher": _rademacher, "mammen": _mammen, "webb": _webb}[self.kind]
        if not units:
            return np.empty((self.draws, 0))  # asking for no bytes would still move the stream
        return make(generator, units, self.draws).T


def _rademacher(generator: np.random.Generator, units: int, draws: int) -> FloatArray:
    # One random bit per multiplier; whole words for each unit, so that units can be taken in parts.
    width = 4 * -(-draws // 32)
    words = np.frombuffer(generator.bytes(units * width), dtype=np.uint8).reshape(units, width)
    values = np.unpackbits(words, axis=1, count=draws).astype(np.float64)
    values *= 2.0
    values -= 1.0
    return values


def _mammen(generator: np.random.Generator, units: int, draws: int) -> FloatArray:
    high = _words(generator, units, draws) >= _MAMMEN_LOW
    return np.asarray(_MAMMEN[high.view(np.int8)], dtype=np.float64)


def _webb(generator: np.random.Generator, units: int, draws: int) -> FloatArray:
    point = (_words(generator, units, draws).astype(np.uint64) * 6) >> 32
    return np.asarray(_WEBB[point], dtype=np.float64)


def _words(generator: np.random.Generator, units: int, draws: int) -> NDArray[np.uint32]:
    return np.frombuffer(generator.bytes(4 * units * draws), dtype=np.uint32).reshape(units, draws)

"""Squares and products of covariates, for balance beyond means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Factor:
    """A covariate in a product, or one minus it.

    Parameters
    ----------
    column : int
    complement : bool

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Factor(0, True).of(np.array([1.0, 0.0])).tolist()
    [0.0, 1.0]
    """

    column: int
    complement: bool = False

    def of(self, value: FloatArray) -> FloatArray:
        """The factor, from the values of its covariate."""
        return 1.0 - value if self.complement else value


def products(
    names: Sequence[str], sources: Sequence[str], binary: Sequence[bool]
) -> Iterator[tuple[str, Factor, Factor]]:
    """Squares and products of covariates whose balance may be asked for: one at a time, nothing is computed here.

    Parameters
    ----------
    names : sequence of str
        Of the covariates.
    sources : sequence of str
        Column from which each covariate comes; the levels of one column are not multiplied with each other.
    binary : sequence of bool

    Yields
    ------
    tuple of str, Factor, Factor
        Squares of what is not binary, then products of all pairs. A binary covariate that is alone in its column
        enters with both of its values, ``name_0`` and ``name_1``, as in ``bal.tab(int = TRUE)`` of cobalt 4.6.

    Raises
    ------
    ValueError
        If the three differ in length.

    Examples
    --------
    >>> [name for name, *_ in products(["age", "member"], ["age", "member"], [False, True])]
    ['age²', 'age * member_0', 'age * member_1']
    """
    rows = list(zip(names, sources, binary, strict=True))
    for place, (name, _, both) in enumerate(rows):
        if not both:
            yield f"{name}²", Factor(place), Factor(place)
    parts: list[tuple[str, str, Factor]] = []
    for place, (name, source, both) in enumerate(rows):
        if both and list(sources).count(source) == 1:
            parts += [(f"{name}_0", source, Factor(place, True)), (f"{name}_1", source, Factor(place))]
        else:
            parts.append((name, source, Factor(place)))
    for (one, source, first), (other, another, second) in combinations(parts, 2):
        if source != another:
            yield f"{one} * {other}", first, second

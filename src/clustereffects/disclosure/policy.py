"""One disclosure policy for every table and figure that leaves the region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.errors import OptionError, Problem

FloatArray = NDArray[np.float64]

FEW = "fewer firms than the minimum"
DOMINANT = "one or two firms dominate"
COMPLEMENTARY = "protects another suppressed figure"


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosurePolicy:
    """When a figure about a group of firms may be published.

    Parameters
    ----------
    minimum_firms : int
        Smallest number of firms behind a published figure.
    dominance_top1, dominance_top2 : float
        A figure is withheld if the largest firm holds more than this share, or the two largest together do.

    Raises
    ------
    OptionError
        If a share is not in (0, 1] or the minimum is below 1.

    Notes
    -----
    Defaults: at least 3 firms; the largest at most 75 %, the two largest at most 85 % (practice of statistical offices
    and research data centres). The published total of a set gives away what all its withheld figures have in common:
    when only one figure is withheld, or the withheld ones rest on fewer firms together than the minimum, those with the
    fewest firms among the rest are withheld too. Figures that rest on no firm give nothing away.

    Examples
    --------
    >>> DisclosurePolicy(minimum_firms=3).reasons([2, 9, 40, 50], within_total=True)
    ['fewer firms than the minimum', 'protects another suppressed figure', '', '']
    """

    minimum_firms: int = 3
    dominance_top1: float = 0.75
    dominance_top2: float = 0.85

    def __post_init__(self) -> None:
        if self.minimum_firms < 1:
            raise OptionError(_bad("minimum_firms", self.minimum_firms, "at least 1"))
        for name in ("dominance_top1", "dominance_top2"):
            if not 0 < getattr(self, name) <= 1:
                raise OptionError(_bad(name, getattr(self, name), "a share above 0 and at most 1"))

    def reasons(
        self, firms: Sequence[int], sizes: Sequence[FloatArray] | None = None, *, within_total: bool = False
    ) -> list[str]:
        """Why each figure is withheld; empty text for those that may be published.

        Parameters
        ----------
        firms : sequence of int
            Number of firms behind each figure.
        sizes : sequence of array, optional
            Sizes of the firms behind each figure, for the dominance rules; negative sizes count by magnitude.
        within_total : bool
            Whether the total over all figures is published too.

        Raises
        ------
        ValueError
            If there are not sizes for each figure.
        """
        found = [FEW if n < self.minimum_firms else "" for n in firms]
        if sizes is not None and len(sizes) != len(found):
            raise ValueError(f"{len(found)} figures need the sizes of as many groups, got {len(sizes)}")
        for index, values in enumerate(sizes or []):
            if not found[index] and self._dominated(values):
                found[index] = DOMINANT
        if within_total:
            for index in self._complementary(firms, found):
                found[index] = COMPLEMENTARY
        return found

    def _complementary(self, firms: Sequence[int], found: Sequence[str]) -> list[int]:
        """Figures to withhold so that the total reveals no group below the minimum and no single withheld figure."""
        hidden = [n for n, reason in zip(firms, found, strict=True) if reason and n > 0]
        rest = sorted((n, index) for index, n in enumerate(firms) if not found[index])
        chosen: list[int] = []
        for n, index in rest if hidden else []:
            if len(hidden) > 1 and sum(hidden) >= self.minimum_firms:
                break
            hidden.append(n)
            chosen.append(index)
        return chosen

    def _dominated(self, sizes: FloatArray) -> bool:
        values = np.asarray(sizes, dtype=np.float64)
        magnitude = np.sort(np.abs(values[np.isfinite(values)]))[::-1]
        total = magnitude.sum()
        if not total:
            return False
        return bool(magnitude[0] > self.dominance_top1 * total or magnitude[:2].sum() > self.dominance_top2 * total)


def withhold(table: pd.DataFrame, reasons: Sequence[str], columns: Sequence[str]) -> pd.DataFrame:
    """Table with the figures of withheld rows blanked, and a column ``withheld`` that says why.

    Parameters
    ----------
    table : DataFrame (n, …)
    reasons : sequence of n str
        Empty for rows that may be published.
    columns : sequence of str
        Columns to blank.

    Returns
    -------
    DataFrame

    Raises
    ------
    ValueError
        If there is not one reason per row.

    Examples
    --------
    >>> withhold(pd.DataFrame({"firms": [2], "mean": [0.5]}), [FEW], ["mean"])["mean"].isna().all()
    np.True_
    """
    if len(reasons) != len(table):
        raise ValueError(f"{len(table)} rows need as many reasons, got {len(reasons)}")
    hidden = np.array([bool(reason) for reason in reasons], dtype=bool)
    result = table.copy()
    for column in columns:
        result[column] = result[column].where(~hidden)
    result["withheld"] = list(reasons)
    return result


def _bad(option: str, value: object, expected: str) -> Problem:
    return Problem(what=f"disclosure {option} = {value!r}", where="", expected=expected, remedy="correct the policy")

"""Deflation: nominal money into prices of one base year."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clustereffects.accounts._table import Layout, cell_problem, numbers, open_table, whole_numbers
from clustereffects.errors import InputError, Problem


@dataclass(frozen=True, slots=True, eq=False)
class Deflator:
    """A price index by calendar year.

    Parameters
    ----------
    years : ndarray of int64
        Increasing.
    index : ndarray of float64
        Positive, any base.
    file : str

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Deflator(np.array([2009, 2010]), np.array([98.0, 100.0]), "deflator.csv").factor([2009], 2010).round(4).tolist()
    [1.0204]
    """

    years: NDArray[np.int64]
    index: NDArray[np.float64]
    file: str

    def factor(self, years: ArrayLike, base_year: int) -> NDArray[np.float64]:
        """What nominal money of each year is multiplied with to be in prices of the base year."""
        wanted = np.asarray(years, dtype=np.int64)
        self.check_years(np.append(wanted, base_year))
        base = self.index[np.searchsorted(self.years, base_year)]
        return np.asarray(base / self.index[np.searchsorted(self.years, wanted)])

    def check_years(self, years: ArrayLike) -> None:
        """Raise an error that lists every year without an index."""
        missing = np.setdiff1d(np.asarray(years, dtype=np.int64), self.years)
        if len(missing):
            raise InputError(
                Problem(
                    what="the deflator does not cover every year",
                    where="missing: " + ", ".join(str(year) for year in missing),
                    expected="an index for the base year and for every year of the accounts",
                    remedy="add the years to the deflator, or choose a period that it covers",
                    file=self.file,
                )
            )


def read_deflator(source: Any, *, name: str = "deflator") -> Deflator:
    """Read the columns ``year`` and ``index`` of a price index.

    Parameters
    ----------
    source : path or frame
    name : str
        What messages call a frame; a file keeps its own name.

    Returns
    -------
    Deflator

    Raises
    ------
    InputError
        If cells are not numbers, a year occurs twice or an index is not positive; every problem at once.

    Examples
    --------
    >>> import pandas as pd
    >>> read_deflator(pd.DataFrame({"year": [2010, 2009], "index": ["100", "98,8"]})).index.tolist()
    [98.8, 100.0]
    """
    table = open_table(source, name, Layout(("year", "index")))
    problems: list[Problem] = []
    years = whole_numbers(table.frame, "year", table.name, problems)
    index = numbers(table.frame, "index", table.name, problems)
    not_positive = np.isnan(index) | (index <= 0)
    if not_positive.any() and not problems:
        what = "the price index is not positive"
        problems.append(cell_problem(what, not_positive, table.frame["index"], "an index above zero", table.name))
    twice = table.frame["year"].duplicated().to_numpy()
    if twice.any():
        problems.append(cell_problem("a year occurs twice", twice, table.frame["year"], "each year once", table.name))
    if problems:
        raise InputError(problems)
    order = np.argsort(years)
    return Deflator(years[order].astype(np.int64), index[order], table.name)


def deflate(values: ArrayLike, years: ArrayLike, deflator: Deflator, base_year: int) -> NDArray[np.float64]:
    """Nominal values in prices of the base year: value times index of the base year over index of its year.

    Parameters
    ----------
    values, years : array-like
        NaN stays NaN.
    deflator : Deflator
    base_year : int

    Returns
    -------
    ndarray of float64

    Raises
    ------
    InputError
        If the deflator lacks a year; the message lists all of them.

    Examples
    --------
    >>> deflator = Deflator(np.array([2009, 2010]), np.array([98.0, 100.0]), "")
    >>> deflate([98.0, 50.0], [2009, 2010], deflator, 2010).tolist()
    [100.0, 50.0]
    """
    return np.asarray(np.asarray(values, dtype=np.float64) * deflator.factor(years, base_year))

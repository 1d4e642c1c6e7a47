"""Parts of the options of matching that have parts of their own: calipers, ratios, scores, coarsening."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np

from clustereffects.errors import OptionError, Problem

RULES = ("sturges", "fd", "scott")


def frozen_mapping(value: Any) -> Any:
    """A mapping as a tuple of pairs, lists in it as tuples; anything else unchanged.

    Parameters
    ----------
    value : object

    Returns
    -------
    tuple or object

    Raises
    ------
    TypeError
        Never.

    Examples
    --------
    >>> frozen_mapping({"industry": [5, 4]})
    (('industry', (5, 4)),)
    """
    if not isinstance(value, Mapping):
        return value
    return tuple((key, tuple(item) if isinstance(item, list | tuple) else item) for key, item in value.items())


@dataclass(frozen=True, kw_only=True)
class Caliper:
    """How far apart the two units of a pair may be. Limits are inclusive.

    Parameters
    ----------
    distance : float, optional
        Largest matching distance: for a score in standard deviations of the score, else in units of the distance.
    score : float, optional
        Largest difference of the propensity score, in its standard deviations, where the distance is another one.
    columns : mapping of str to float
        Largest difference of a column, in its own units; in a panel in the period before joining.
    factors : mapping of str to float
        Largest ratio of the values of a positive column: with 2 a firm of 10 may have controls of 5 to 20.
    units : {"sd", "raw"}
        Units of ``distance`` of a score and of ``score``: standard deviations over the whole risk set, or its own.

    Raises
    ------
    OptionError
        If a limit is not positive, a factor is not greater than 1, or a column has two limits.

    Examples
    --------
    >>> Caliper(distance=0.2, columns={"age": 5}).columns
    (('age', 5),)
    """

    distance: float | None = None
    score: float | None = None
    columns: Mapping[str, float] | Sequence[tuple[str, float]] = ()
    factors: Mapping[str, float] | Sequence[tuple[str, float]] = ()
    units: Literal["sd", "raw"] = "sd"

    def __post_init__(self) -> None:
        for name in ("columns", "factors"):
            object.__setattr__(self, name, frozen_mapping(getattr(self, name)))
        problems = [
            _bad(f"caliper {name}", value, "a positive number")
            for name, value in (("distance", self.distance), ("score", self.score), *self.widths)
            if value is not None and not _positive(value)
        ]
        problems += [
            _bad(f"factor of {name}", value, "a number greater than 1")
            for name, value in self.ratios
            if not (_positive(value) and value > 1)
        ]
        names = [name for name, _ in (*self.widths, *self.ratios)]
        problems += [
            _bad(f"caliper of {name}", "several limits", "one width or one factor for each column")
            for name in dict.fromkeys(names)
            if names.count(name) > 1
        ]
        if self.units not in {"sd", "raw"}:
            problems.append(_bad("caliper units", self.units, "'sd' or 'raw'"))
        if problems:
            raise OptionError(problems)

    @property
    def widths(self) -> tuple[tuple[str, float], ...]:
        """Columns and their widths."""
        return cast("tuple[tuple[str, float], ...]", self.columns)

    @property
    def ratios(self) -> tuple[tuple[str, float], ...]:
        """Columns and their factors."""
        return cast("tuple[tuple[str, float], ...]", self.factors)


@dataclass(frozen=True, kw_only=True)
class VariableRatio:
    """A number of controls that differs between treated units: more where the propensity leaves more.

    Parameters
    ----------
    mean : float
        Controls per treated unit on average.
    least, most : int
        Smallest and largest number.

    Raises
    ------
    OptionError
        If not ``1 ≤ least ≤ mean ≤ most``.

    References
    ----------
    Ming & Rosenbaum (2000), *Biometrics* 56(1), 118–124.

    Examples
    --------
    >>> VariableRatio(mean=2, least=1, most=4).most
    4
    """

    mean: float
    least: int = 1
    most: int

    def __post_init__(self) -> None:
        whole = all(isinstance(end, int | np.integer) for end in (self.least, self.most))
        if not whole or not 1 <= self.least <= self.mean <= self.most:
            raise OptionError(_bad("ratio", self, "whole numbers with 1 ≤ least ≤ mean ≤ most"))


@dataclass(frozen=True)
class Score:
    """A score that exists already as a column, to be matched on like a propensity.

    For propensity weighting it is on the scale that ``propensity_scale`` names.

    Parameters
    ----------
    column : str
        In a panel read in the period before joining.

    Raises
    ------
    TypeError
        If no column is given.

    Examples
    --------
    >>> Score("credit_rating").column
    'credit_rating'
    """

    column: str


@dataclass(frozen=True, kw_only=True)
class Coarsening:
    """How ``method="coarsened_exact"`` makes classes of values.

    Parameters
    ----------
    cutpoints : mapping of str to int, str or sequence of float
        For a numeric column: number of classes of equal width, rule (``"sturges"``, ``"fd"``, ``"scott"``), or the cut
        points themselves. Columns that are not named follow ``default``.
    grouping : mapping of str to sequence of sequences
        For a column of categories, as text or numbers: those that count as one. The others stay as they are.
    default : int or str
    one_to_one : bool
        Whether to thin out each class to pairs, nearest first by Mahalanobis distance.

    Raises
    ------
    OptionError
        If a rule is unknown, a number of classes is less than 1, or a category is in two groups.

    References
    ----------
    Iacus, King & Porro (2012), *Political Analysis* 20(1), 1–24.

    Examples
    --------
    >>> Coarsening(cutpoints={"age": 4}).default
    'sturges'
    """

    cutpoints: Mapping[str, int | str | Sequence[float]] | Sequence[tuple[str, Any]] = ()
    grouping: Mapping[str, Sequence[Sequence[Any]]] | Sequence[tuple[str, Any]] = ()
    default: int | str = "sturges"
    one_to_one: bool = False

    def __post_init__(self) -> None:
        for name in ("cutpoints", "grouping"):
            object.__setattr__(self, name, frozen_mapping(getattr(self, name)))
        wrong = [(name, cuts) for name, cuts in (*self.cutpoints, ("other columns", self.default)) if not _cuts(cuts)]
        problems = [
            _bad(f"cutpoints of {name}", cuts, "a number of classes, 'sturges', 'fd', 'scott', or cut points")
            for name, cuts in wrong
        ]
        problems += [
            _bad(f"grouping of {name}", groups, "lists of categories, each category in one of them")
            for name, groups in cast("tuple[tuple[str, Any], ...]", self.grouping)
            if not _groups(groups)
        ]
        if problems:
            raise OptionError(problems)


def _cuts(value: Any) -> bool:
    if isinstance(value, str):
        return value in RULES
    if isinstance(value, int | np.integer):
        return bool(value >= 1)
    return isinstance(value, tuple | list | np.ndarray) and bool(np.isfinite(np.asarray(value, dtype=float)).all())


def _groups(value: Any) -> bool:
    if not (_is_list(value) and all(_is_list(group) for group in value)):
        return False
    members = [str(category) for group in value for category in group]
    return len(set(members)) == len(members)


def _is_list(value: Any) -> bool:
    return isinstance(value, tuple | list)


def _positive(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and bool(np.isfinite(value) and value > 0)


def _bad(option: str, value: object, expected: str) -> Problem:
    return Problem(what=f"option {option}={value!r}", where="", expected=expected, remedy="give it another value")

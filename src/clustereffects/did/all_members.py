"""From the treated units that have an effect to all of them: who was dropped, bounds, weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.data import Panel, require_columns
from clustereffects.did._private import bad_option
from clustereffects.errors import ColumnError, EstimationError, NotStoredError, OptionError, Problem
from clustereffects.inference.quantiles import critical_value
from clustereffects.matching.entropy import entropy_balance
from clustereffects.results import Effects

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_TABLE = ["variable", "kept", "dropped", "sd", "smd", "n_kept", "n_dropped", "missing_kept", "missing_dropped"]
_STEPS = 60


def dropped_members(effects: Effects, *, columns: Sequence[str] | None = None, lags: int = 3) -> pd.DataFrame:
    """Compare the treated units without an effect with those that have one.

    Parameters
    ----------
    effects : Effects
        Of ``MatchedDiD``.
    columns : sequence of str, optional
        Columns of the panel, read in the period before joining; default: all that were matched on.
    lags : int
        Periods before joining in which the outcome is compared.

    Returns
    -------
    DataFrame
        One row per number, and one per value of a column of text or one that was matched exactly: mean of the kept and of the dropped,
        standard deviation among all, standardised difference (dropped minus kept), numbers with a value, share without.

    Raises
    ------
    NotStoredError
        If the effects were read from a file, which holds no panel.
    ColumnError
        If a column does not exist.

    Examples
    --------
    >>> import clustereffects as ce
    >>> options = ce.datasets.ProgrammeOptions(n_firms=2_000, n_members=150, n_organisations=5)
    >>> world = ce.datasets.simulate_programme(options, rng=1)
    >>> panel = ce.Panel(world.frame, unit="firm", time="year", cohort="cohort")
    >>> match = ce.Matching(on=["log_value_added"], exact=["industry_division", "county"], lags=(1,)).fit(panel)
    >>> table = dropped_members(ce.MatchedDiD(window=(-2, 3)).fit(match, "log_value_added"))
    >>> table["variable"].tolist()[:3]
    ['log_value_added[-1]', 'log_value_added[-2]', 'log_value_added[-3]']
    """
    panel, members = _panel(effects), _Members.of(effects)
    names = list(_matched_columns(effects) if columns is None else columns)
    require_columns(names, panel.columns)
    outcome = effects.description.outcome
    rows = [
        _numbers(f"{outcome}[-{lag}]", members.read(panel.wide(outcome), lag), members) for lag in range(1, lags + 1)
    ]
    for name in names:
        if name != outcome:
            rows += _described(panel, name, members)
    return pd.DataFrame(rows, columns=_TABLE)


@dataclass(frozen=True, slots=True, eq=False)
class _Members:
    """All treated units of the panel and which of them are kept."""

    panel: Panel
    rows: IntArray
    kept: BoolArray
    numbers: frozenset[str]

    @classmethod
    def of(cls, effects: Effects) -> _Members:
        panel, table = _panel(effects), effects.unit_effects
        rows = np.flatnonzero(np.isfinite(panel.cohorts))
        after = set() if table is None else set(table.loc[table["event_time"] >= 0, "unit"])
        codes = _matched_by(effects).get("exact", ())
        numeric = (name for name in panel.columns if pd.api.types.is_numeric_dtype(panel.series(name).dtype))
        return cls(panel, rows, np.asarray(panel.units[rows].isin(after)), frozenset(numeric) - frozenset(codes))

    def read(self, values: NDArray[Any], lag: int = 1) -> NDArray[Any]:
        """Values in the period so long before joining; missing if the panel does not have it."""
        times, period = self.panel.times, self.panel.cohorts[self.rows] - lag
        column = np.clip(np.searchsorted(times, period), 0, len(times) - 1)
        found = values[self.rows, column]
        missing: Any = np.nan if found.dtype.kind == "f" else None
        return np.asarray(np.where(times[column] == period, found, missing))

    def indicators(self, name: str) -> list[tuple[str, FloatArray]]:
        """Each value of a column in the period before joining, and who has it; missing where none is known."""
        values = pd.Series(self.read(self.panel.wide_objects(name)))
        known = values.notna().to_numpy()
        found = sorted(values[known].unique(), key=str)
        return [(str(value), np.where(known, values == value, np.nan).astype(np.float64)) for value in found]


def _panel(effects: Effects) -> Panel:
    if effects.sampling is None or effects.sampling.panel is None or effects.unit_effects is None:
        raise NotStoredError("these effects hold no panel and no effects of single units – fit them again")
    return effects.sampling.panel


def _matched_columns(effects: Effects) -> list[str]:
    """Columns that the match used to make units alike."""
    options, found = _matched_by(effects), list[str]()
    for name in ("on", "growth", "exact"):
        found += [column for column in options.get(name, ()) if column not in found]
    return found


def _matched_by(effects: Effects) -> Mapping[str, Any]:
    """Options of the match."""
    options = effects.provenance.options.get("match")
    return options if isinstance(options, Mapping) else {}


def _described(panel: Panel, name: str, members: _Members) -> list[dict[str, Any]]:
    """One row for numbers, one for each value otherwise."""
    if name in members.numbers:
        return [_numbers(name, members.read(panel.wide(name)), members)]
    return [_numbers(f"{name}: {value}", found, members) for value, found in members.indicators(name)]


def _numbers(name: str, values: FloatArray, members: _Members) -> dict[str, Any]:
    known = np.isfinite(values)
    sides = [known & members.kept, known & ~members.kept]
    kept, dropped = (float(values[side].mean()) if side.any() else float("nan") for side in sides)
    scale = float(values[known].std(ddof=1)) if known.sum() > 1 else float("nan")
    totals = (int(members.kept.sum()), int((~members.kept).sum()))
    missing = [1 - side.sum() / total if total else float("nan") for side, total in zip(sides, totals, strict=True)]
    difference = (dropped - kept) / scale if scale > 0 else float("nan")
    return dict(zip(_TABLE, (name, kept, dropped, scale, difference, *totals, *missing), strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberBounds:
    """Bounds of the effect on all treated units.

    Parameters
    ----------
    kept : float
        Share of the treated unit-periods with an effect.
    estimate, std_error : float
        Effect on the kept.
    lowest, highest : float
        What the mean effect on the dropped is taken to be at least and at most, and ``reason`` why.
    reason : str
    df : float
        Degrees of freedom of the error.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> found = MemberBounds(kept=0.8, estimate=0.10, std_error=0.01, lowest=0.0, highest=0.2, reason="given", df=np.inf)
    >>> round(found.lower, 2), round(found.upper, 2)
    (0.08, 0.12)
    """

    kept: float
    estimate: float
    std_error: float
    lowest: float
    highest: float
    reason: str
    df: float

    @property
    def lower(self) -> float:
        """Effect on all if the dropped have the lowest."""
        return self.kept * self.estimate + (1 - self.kept) * self.lowest

    @property
    def upper(self) -> float:
        """Effect on all if the dropped have the highest."""
        return self.kept * self.estimate + (1 - self.kept) * self.highest

    def conf_int(self, level: float = 0.95) -> tuple[float, float]:
        """Interval that covers the effect on all, wherever between the bounds it lies, with this probability.

        The critical value lies between the one-sided one, for bounds far apart, and the two-sided one, for bounds that
        coincide: Imbens & Manski (2004), *Econometrica* 72(6), eq. 7.
        """
        error = self.kept * self.std_error
        value = _imbens_manski((self.upper - self.lower) / error, level, self.df) if error > 0 else 0.0
        return self.lower - value * error, self.upper + value * error

    def to_frame(self, level: float = 0.95) -> pd.DataFrame:
        """One row with the effect on the kept, the bounds and the interval."""
        low, high = self.conf_int(level)
        row = {"kept": self.kept, "estimate_kept": self.estimate, "std_error_kept": self.std_error}
        row |= {"lowest": self.lowest, "highest": self.highest, "lower": self.lower, "upper": self.upper}
        return pd.DataFrame([{**row, "conf_low": low, "conf_high": high, "level": level, "reason": self.reason}])


def _imbens_manski(width: float, level: float, df: float) -> float:
    """Critical value ``C`` with ``F(C + width) − F(−C) = level``, by halving."""
    from scipy import special

    def below(value: float) -> float:
        return float(special.ndtr(value) if np.isinf(df) else special.stdtr(df, value))

    low, high = 0.0, critical_value(level, df)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle + width) - below(-middle) < level else (low, middle)
    return high


def bounds_for_all(
    effects: Effects, *, between: tuple[float, float] | None = None, by: str | Sequence[str] = "group"
) -> MemberBounds:
    """Bound the effect on all treated units by what the dropped may have had.

    Parameters
    ----------
    effects : Effects
        Of ``MatchedDiD``, as the estimator returned them.
    between : tuple of two float, optional
        Least and greatest mean effect that the dropped may have; default: the smallest and the largest effect by ``by``.
    by : str or sequence of str
        Labels or columns of the panel by which effects are taken for the range, such as ``"group"`` or ``"size_class"``.

    Returns
    -------
    MemberBounds

    Raises
    ------
    OptionError
        If the range is none, or the effects lack the label or are aggregated already.
    NotStoredError
        If the effects were read from a file, which holds no panel.

    Notes
    -----
    Unit-periods count alike, as in the overall effect. Those of treated units that left the panel are among the dropped.
    The range of estimates is wider than that of effects, because estimates err; its ends are taken as given.

    References
    ----------
    Manski (1990), *American Economic Review* 80(2); Imbens & Manski (2004), *Econometrica* 72(6).

    Examples
    --------
    >>> bounds_for_all.__name__
    'bounds_for_all'
    """
    overall = effects.aggregate("overall")
    lowest, highest, reason = _range(effects, between, by)
    table, panel = effects.unit_effects, _panel(effects)
    assert table is not None  # noqa: S101  (narrows the type: _panel has refused)
    used = table[table["event_time"] >= 0]
    window = effects.labels["event_time"]
    cohorts = panel.cohorts[np.isfinite(panel.cohorts)]
    offered = sum(int(np.isin(cohorts + event, panel.times).sum()) for event in range(int(window.max()) + 1))
    return MemberBounds(
        kept=len(used) / offered,
        estimate=float(overall.estimate[0]),
        std_error=float(overall.std_errors.iloc[0]),
        lowest=lowest,
        highest=highest,
        reason=reason,
        df=float(overall.uncertainty.dfs[0]),
    )


def _range(effects: Effects, between: tuple[float, float] | None, by: str | Sequence[str]) -> tuple[float, float, str]:
    if between is None:
        parts = effects.aggregate(by)
        found = parts.estimate[np.isfinite(parts.estimate)]
        name = by if isinstance(by, str) else " × ".join(by)
        return float(found.min()), float(found.max()), f"range of the {len(found)} effects by {name}"
    ends = np.asarray(between, dtype=np.float64)
    if ends.shape != (2,) or not np.isfinite(ends).all() or ends[0] > ends[1]:
        raise OptionError(bad_option("between", between, "two numbers, the first not above the second"))
    return float(ends[0]), float(ends[1]), "given"


def weighted_to_all(effects: Effects, *, columns: Sequence[str] | None = None) -> Effects:
    """Weight the kept treated units so that they are like all treated units on average.

    Parameters
    ----------
    effects : Effects
        Of ``MatchedDiD``, as the estimator returned them.
    columns : sequence of str, optional
        Columns of the panel, read in the period before joining, whose means are to agree; default: all that were matched
        on. Text, and what was matched exactly, becomes one indicator per value.

    Returns
    -------
    Effects
        In the same cells, to be aggregated as usual. Weights are taken as given in their standard errors.

    Raises
    ------
    NotStoredError
        If the effects were read from a file, which holds no panel.
    ColumnError
        If a column does not exist, or a kept unit has no value of it.
    EstimationError
        If no weights reproduce the means: a value that only dropped units have.

    Notes
    -----
    Entropy balancing (Hainmueller 2012). The means are those of all treated units with known values. What carries over
    is the part of the effects that goes with these columns; the rest is assumed to be equal among dropped and kept.
    Sampling weights of the panel are not used.

    References
    ----------
    Hainmueller (2012), *Political Analysis* 20(1); Stuart, Cole, Bradshaw & Leaf (2011), *Journal of the Royal Statistical
    Society A* 174(2), on carrying effects to a population by weights.

    Examples
    --------
    >>> weighted_to_all.__name__
    'weighted_to_all'
    """
    panel, members = _panel(effects), _Members.of(effects)
    if effects.remake is None:
        raise NotStoredError("these effects cannot be weighted anew – take them as the estimator returned them")
    names = list(_matched_columns(effects) if columns is None else columns)
    require_columns(names, panel.columns)
    if not names:
        raise OptionError(bad_option("columns", columns, "at least one column of the panel"))
    x, labels = _design(panel, names, members)
    known = np.asarray(np.isfinite(x).all(axis=1))
    _require_known(panel, members, known)
    found = entropy_balance(x[members.kept], x[known].mean(axis=0), names=labels)
    share = pd.Series(found.weight * int(members.kept.sum()), index=panel.units[members.rows[members.kept]])
    result = effects.remake.weigh(share)
    estimand = (
        f"{effects.estimand}; kept units weighted to the means of all {int(known.sum()):,} treated units with known "
        f"{', '.join(names)}, weights taken as given"
    )
    words = replace(result.description, estimand=estimand)
    return replace(result, description=words, findings=effects.findings)


def _design(panel: Panel, names: Sequence[str], members: _Members) -> tuple[FloatArray, list[str]]:
    """Columns of numbers, and an indicator for each value of a column of text but the first."""
    columns, labels = [], []
    for name in names:
        if name in members.numbers:
            columns.append(members.read(panel.wide(name)))
            labels.append(name)
            continue
        for value, found in members.indicators(name)[1:]:
            columns.append(found)
            labels.append(f"{name}: {value}")
    return np.column_stack(columns), labels


def _require_known(panel: Panel, members: _Members, known: BoolArray) -> None:
    if not members.kept.any():
        raise EstimationError("no treated unit has an effect from joining on")
    lost = members.rows[members.kept & ~known]
    if len(lost):
        raise ColumnError(
            Problem(
                what=f"{len(lost)} kept treated units have no value of a column in the period before joining",
                where=f"units {', '.join(map(str, panel.units[lost[:3]]))}",
                expected="values for every kept treated unit",
                remedy="fill in the columns, or weight to the means of others",
            )
        )

"""What the group-time estimator needs of a panel before any array is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clustereffects.data import require_columns
from clustereffects.data.panel import Panel
from clustereffects.did.group_time_plan import Cell, GroupTimeOptions, estimated_cohorts, never_treated
from clustereffects.errors import EstimationError, OptionError, Problem

if TYPE_CHECKING:
    from clustereffects.did.group_time_estimator import GroupTimeDiD

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def options_for(model: GroupTimeDiD) -> GroupTimeOptions:
    """Choices of an estimator that its kernels need."""
    return GroupTimeOptions(
        control=model.control,
        method=model.method,
        base_period=model.base_period,
        anticipation=model.anticipation,
        trim=model.trim,
        convention=model.convention,
    )


def outcome_names(panel: Panel, outcome: object) -> list[str]:
    """Names of one outcome or of several, each there and named once."""
    names = [outcome] if isinstance(outcome, str) else outcome
    if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) for name in names):
        what = f"the outcome {outcome!r}"
    elif len(set(names)) < len(names):
        what = f"the outcomes {list(names)} name one of them twice"
    else:
        require_columns(names, panel.columns)
        return list(names)
    expected = "the name of a column, or a list of different names"
    raise OptionError(Problem(what=what, where="", expected=expected, remedy="name each outcome once"))


def require_roles(model: GroupTimeDiD, panel: Panel) -> None:
    """Refuse a panel without cohorts, or without the groups that are asked for."""
    if not isinstance(panel, Panel):
        raise TypeError(
            f"expected a Panel, got {type(panel).__name__} – make one: Panel(frame, unit=..., time=..., cohort=...)"
        )
    if panel.roles["cohort"] is None:
        raise EstimationError(
            Problem(
                what="the panel has no cohort",
                where="",
                expected="the first treated period of every unit",
                remedy="name its column: Panel(..., cohort=...)",
            )
        )
    if model.by_group and panel.roles["group"] is None:
        raise OptionError(
            Problem(
                what="by_group=True, but the panel has no group",
                where="",
                expected="the cluster organisation of every treated unit",
                remedy="name its column: Panel(..., group=...)",
            )
        )


def require_comparison(model: GroupTimeDiD, panel: Panel, cohorts: FloatArray) -> None:
    """Refuse units none of which can be compared with another."""
    never = never_treated(cohorts, panel.times, model.anticipation)
    if model.control == "never_treated" and not never.any():
        raise EstimationError(
            Problem(
                what="there is no never-treated unit",
                where=f"{len(cohorts):,} units, all treated by {int(panel.times[-1]) + model.anticipation}",
                expected="units that are never treated, for control='never_treated'",
                remedy="use control='not_yet_treated'; the last cohort then serves as comparison only",
            )
        )
    if not len(estimated_cohorts(cohorts, panel.times, model.anticipation)):
        raise EstimationError(
            Problem(
                what="no cohort can be compared",
                where=f"{int(np.isfinite(panel.cohorts).sum()):,} treated units, {int(never.sum()):,} never treated, "
                f"periods {int(panel.times[0])}–{int(panel.times[-1])}, anticipation {model.anticipation}",
                expected="a cohort treated after the first period, and units treated later or never",
                remedy="add earlier periods or untreated units",
            )
        )


def group_codes(panel: Panel) -> tuple[IntArray, tuple[str, ...]]:
    """Group of each treated unit as a code, −1 for the others, and the names of the groups."""
    treated = np.isfinite(panel.cohorts)
    names, codes = np.unique(panel.groups[treated].astype(str), return_inverse=True)
    result = np.full(panel.n_units, -1, dtype=np.int64)
    result[treated] = codes.ravel()
    return result, tuple(str(name) for name in names)


def sample_counts(cohorts: FloatArray, cells: Sequence[Cell], periods: int) -> dict[str, int]:
    """Units and cohorts behind some cells."""
    shown = np.isin(cohorts, [cell.cohort for cell in cells])
    return {
        "units": len(cohorts),
        "treated units": int(shown.sum()),
        "never-treated units": int(np.isnan(cohorts).sum()),
        "cohorts": len(np.unique(cohorts[shown])),
        "periods": periods,
    }

"""Aggregates of effects with everything that hangs on them: influence, replicates, members, description."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clustereffects.errors import OptionError, Problem
from clustereffects.inference.factored import FactoredInfluence
from clustereffects.inference.influence import Influence
from clustereffects.results._aggregate_options import require_choices
from clustereffects.results._unit_weights import unit_weights
from clustereffects.results.aggregation import KEYS, Aggregated, Averaging, aggregate_cells, target_codes
from clustereffects.results.description import Description, Sampling

if TYPE_CHECKING:
    from clustereffects.results.effects import Effects

# What effects were made of, or an error that says how to store it.
Parts = Callable[[], tuple[Influence | FactoredInfluence, Sampling]]


@dataclass(frozen=True, eq=False)
class Aggregation:
    """Choices of ``Effects.aggregate``."""

    by: str | Sequence[str]
    window: tuple[int, int] | None = None
    balance: int | None = None
    weights: str | pd.Series | None = None
    total: bool = False

    def columns(self) -> tuple[str, ...]:
        """Columns of the panel among the labels to aggregate by."""
        self._require()
        keys = (self.by,) if isinstance(self.by, str) else tuple(self.by)
        return tuple(key for key in keys if key not in {*KEYS, "overall"})

    def _require(self) -> None:
        require_choices({item.name: getattr(self, item.name) for item in fields(self)})

    def of(self, effects: Effects, parts: Parts) -> Effects:
        """Aggregate the effects of cells."""
        self._require()
        known = effects.description
        if known.aggregation != "cell":
            what = f"these effects are aggregated by {known.aggregation} already"
            raise refusal(what, "the effects as the estimator returned them", "aggregate the estimator's own result")
        keys = (self.by,) if isinstance(self.by, str) else tuple(self.by)
        influence, sampling = parts()
        codes, labels = target_codes(effects.labels, keys, self.window, self.balance)
        if self.weights is not None:
            own = unit_weights(sampling, self.weights, known.anticipation)
            # Of a sample with weights, each unit stands for as many others as its weight says.
            own = own * sampling.membership.weight
            sampling = replace(sampling, membership=sampling.membership.reweighted(own))
        how: Averaging = "total" if self.total else "mass"
        means = aggregate_cells(effects.estimate, influence, sampling.membership, codes, labels, how=how)
        worded = known.aggregated(" × ".join(keys), weights=self._name(), total=self.total)
        return _with(replace(effects, sampling=sampling), sampling, means, worded, how)

    def _name(self) -> str | None:
        if self.weights is None or isinstance(self.weights, str):
            return self.weights
        return str(self.weights.name or "weights")


def average(effects: Effects, parts: Parts) -> Effects:
    """Mean of aggregated effects."""
    kind = effects.description.aggregation
    if kind not in {"event", "calendar", "cohort", "group"}:
        expected = "effects aggregated by event, calendar, cohort or group"
        raise refusal(f"an average of effects by {kind!r}", expected, "aggregate by one of these first")
    if effects.description.total:
        raise refusal("an average of totals", "mean effects", 'aggregate without total=True, or by "overall"')
    influence, sampling = parts()
    after = effects.labels["event_time"] >= 0 if kind == "event" else np.ones(len(effects.labels), dtype=bool)
    if not np.isfinite(effects.estimate[after]).any():
        raise refusal("an average of no effects", "an effect from joining on that is identified", "widen the window")
    codes = np.where(after, 0, -1)
    target = pd.DataFrame(index=pd.Index(["average"]))
    how: Averaging = "equal" if kind in {"event", "calendar"} else "mass"
    means = aggregate_cells(effects.estimate, influence, sampling.membership, codes, target, how=how)
    return _with(effects, sampling, means, replace(effects.description, aggregation=f"average over {kind}"), how)


def _with(effects: Effects, sampling: Sampling, means: Aggregated, worded: Description, how: Averaging) -> Effects:
    observed, replicates = sampling.observed, effects.replicates
    return replace(
        effects,
        labels=means.labels,
        estimate=means.estimate,
        influence_function=means.influence,
        sampling=replace(
            sampling,
            membership=means.membership,
            observed=None if observed is None else observed.union(means.codes, len(means.labels)),
        ),
        replicates=None if replicates is None else replicates.aggregate(means, sampling, how),
        description=worded,
        stored=None,
        remake=None,
    )


def refusal(what: str, expected: str, remedy: str) -> OptionError:
    """Error of a request that these effects cannot meet."""
    return OptionError(Problem(what=what, where="", expected=expected, remedy=remedy))

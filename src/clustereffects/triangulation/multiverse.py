"""The verdict under other reasonable models of the same evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from clustereffects.triangulation.cells import CellModel
from clustereffects.triangulation.changes import Changes, probabilities
from clustereffects.triangulation.engine import PriorMixture
from clustereffects.triangulation.options import Thresholds
from clustereffects.triangulation.tipping import with_wide_weight
from clustereffects.triangulation.verdicts import class_word, decide

FloatArray = NDArray[np.float64]

_WIDTHS = (0.5, 1.0, 2.0)
_WIDE_WEIGHT = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Multiverse:
    """Verdicts under every combination of reasonable settings.

    Parameters
    ----------
    prior_width, wide_weight, rho, unreliability, likelihood : tuple
        Setting of each model: factor on the standard deviations of the prior, weight of its wide part, ρ (``"declared"``
        or a number), ε (``"declared"``, ``"doubled"`` or 0), ``"steps"`` at ±δ or ``"ramp"``.
    probability : array, shape (models, 3)
        Of harm, negligible effect and benefit.
    verdicts : tuple of str
    now : str
        Verdict of the declared model.

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    >>> Multiverse(prior_width=(1.0,), wide_weight=(0.2,), rho=("declared",), unreliability=("declared",),
    ...            likelihood=("steps",), probability=np.array([[0.0, 0.0, 1.0]]), verdicts=("undecided",),
    ...            now="undecided").same
    1.0
    """

    prior_width: tuple[float, ...]
    wide_weight: tuple[float, ...]
    rho: tuple[str, ...]
    unreliability: tuple[str, ...]
    likelihood: tuple[str, ...]
    probability: FloatArray
    verdicts: tuple[str, ...]
    now: str

    @property
    def same(self) -> float:
        """Share of the models with the verdict of the declared one."""
        return self.verdicts.count(self.now) / len(self.verdicts)

    def rows(self) -> list[Mapping[str, object]]:
        """One row for each model: its settings, probabilities and verdict."""
        names = ("prior_width", "wide_weight", "rho", "unreliability", "likelihood")
        settings = zip(*(getattr(self, name) for name in names), strict=True)
        return [
            {
                **dict(zip(names, setting, strict=True)),
                **dict(zip(("p_harm", "p_negligible", "p_benefit"), p.tolist(), strict=True)),
                "verdict": word,
            }
            for setting, p, word in zip(settings, self.probability, self.verdicts, strict=True)
        ]


def multiverse(model: CellModel, thresholds: Thresholds) -> Multiverse:
    """Verdict of a cell under every combination of reasonable settings.

    Parameters
    ----------
    model : CellModel
    thresholds : Thresholds

    Returns
    -------
    Multiverse

    Raises
    ------
    EstimationError
        If the integration does not converge.

    Notes
    -----
    Steegen, Tuerlinckx, Gelman & Vanpaemel (2016, *Perspectives on Psychological Science* 11(5)). Full factorial of the
    prior's standard deviations times ½, 1 and 2; weight of its wide part 0, as declared and ½; ρ 0, as declared and 1 in
    every dependence group; ε 0, as declared and doubled (at most 1); likelihoods of diagnostics that jump at ±δ or run
    on a ramp, linear in their logarithm from θ = 0 to θ = ±2δ. Settings that cannot matter – ρ without a dependence
    group of two, ε and the ramp without diagnostics – and levels that coincide enter once.

    Examples
    --------
    >>> from clustereffects.results.evidence import Estimate
    >>> from clustereffects.triangulation.cells import cell_model
    >>> from clustereffects.triangulation.options import Prior
    >>> from clustereffects.triangulation.sorting import CellEvidence
    >>> from clustereffects.triangulation.theory import Claim
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> item = Estimate(id="did", claim="growth", group="K01", stream="economic", value=0.06, std_error=0.025)
    >>> model = cell_model(claim, "K01", CellEvidence(estimates=(item,)), Prior(sceptical_sd=0.05, wide_sd=0.15))
    >>> found = multiverse(model, Thresholds())
    >>> len(found.verdicts), found.now, round(found.same, 2)
    (9, 'probably beneficial', 0.78)
    """
    rhos, epsilons = _rho_levels(model), _epsilon_levels(model)
    ramps = ("steps", "ramp") if epsilons else ("steps",)
    wide = _wide_levels(model.prior)
    settings = list(product(_WIDTHS, wide, rhos or ("declared",), epsilons or ("declared",)))
    width, weight, rho, epsilon = (tuple(column) for column in zip(*settings, strict=True))
    changes = Changes(
        prior=_priors(model.prior, np.array(width), np.array(weight)),
        rho=np.stack([rhos[name] for name in rho]) if rhos else None,
        middle=np.stack([epsilons[name][0] for name in epsilon]) if epsilons else None,
        tests=np.stack([epsilons[name][1] for name in epsilon]) if epsilons else None,
    )
    found = [probabilities(model, changes, ramp=shape == "ramp") for shape in ramps]
    probability = np.concatenate(found)
    words = tuple(class_word(int(one)) for one in decide(probability, thresholds))
    declared = (1.0, float(model.prior.weight[-1]), "declared", "declared")
    return Multiverse(
        prior_width=width * len(ramps),
        wide_weight=weight * len(ramps),
        rho=rho * len(ramps),
        unreliability=epsilon * len(ramps),
        likelihood=tuple(np.repeat(ramps, len(settings)).tolist()),
        probability=probability,
        verdicts=words,
        now=words[settings.index(declared)],
    )


def _wide_levels(prior: PriorMixture) -> tuple[float, ...]:
    declared = float(prior.weight[-1])
    return tuple(sorted({0.0, declared, _WIDE_WEIGHT})) if prior.sd.size > 1 else (declared,)


def _rho_levels(model: CellModel) -> dict[str, FloatArray]:
    together, declared = model.items.count.sum(axis=1) > 1, model.items.rho
    levels = {"declared": declared, "0": np.zeros(declared.size), "1": np.ones(declared.size)}
    return _distinct(levels, together) if together.any() else {}


def _distinct(levels: Mapping[str, FloatArray], relevant: NDArray[np.bool_]) -> dict[str, FloatArray]:
    kept: dict[str, FloatArray] = {}
    for name, level in levels.items():
        if not any(np.array_equal(level[relevant], other[relevant]) for other in kept.values()):
            kept[name] = level
    return kept


def _epsilon_levels(model: CellModel) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Log-likelihoods of the tests at each level of ε, and which tests still say anything."""
    reports = model.reports
    if not reports.tests:
        return {}
    declared = reports.unreliability
    every = np.ones(declared.size, dtype=bool)
    levels = _distinct(
        {"declared": declared, "0": np.zeros(declared.size), "doubled": np.minimum(2 * declared, 1.0)}, every
    )
    middle = reports.over(unreliability=np.stack(list(levels.values())))
    says = [np.bincount(reports.test, level < 1, reports.tests) > 0 for level in levels.values()]
    return {name: (middle[i], says[i].astype(np.float64)) for i, name in enumerate(levels)}


def _priors(prior: PriorMixture, width: FloatArray, weight: FloatArray) -> PriorMixture:
    every = with_wide_weight(prior, weight)
    return PriorMixture(every.weight, every.sd * width[:, None], every.mean)

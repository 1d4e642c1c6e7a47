"""From tasks to sets: every method's work on arrays, risk set by risk set, or for all of them where they share units."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import clustereffects.matching._pieces as _pieces
from clustereffects.errors import EstimationError, Problem
from clustereffects.matching._history import Labels
from clustereffects.matching._options import PAIRS
from clustereffects.matching._pieces import Piece
from clustereffects.matching._prepare import Prepared, order_of
from clustereffects.matching.coarsened import bin_codes, coarsen, group_codes, pair_within
from clustereffects.matching.distance import mahalanobis
from clustereffects.matching.entropy import balance_arms, entropy_balance, with_squares
from clustereffects.matching.full import match_full
from clustereffects.matching.nearest import Chosen, Order, match_nearest
from clustereffects.matching.optimal import match_optimal
from clustereffects.matching.options import Coarsening
from clustereffects.matching.subclass import subclasses
from clustereffects.matching.weights import propensity_weights

if TYPE_CHECKING:
    from clustereffects.matching.matching import Matching

_ORDERS: dict[str, Order] = {"closest": "closest", "farthest": "farthest"}

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def match(tasks: Sequence[Prepared], options: Matching, labels: Labels) -> list[Piece]:
    """Sets of every risk set.

    Parameters
    ----------
    tasks : sequence of Prepared
    options : Matching
    labels : Labels
        Names of the covariates, and of the columns from which they come.

    Returns
    -------
    list of Piece
        One per risk set, perhaps empty.

    Raises
    ------
    EstimationError
        If weights do not exist, or no class holds both sides.

    Examples
    --------
    >>> match.__name__
    'match'
    """
    if options.method in PAIRS:
        pieces = _pieces.of_pairs(_pairs(tasks, options), tasks)
    else:
        pieces = [_SET_METHODS[options.method](task, options, labels) for task in tasks]
    if not options.weigh:
        return pieces
    return [_reweighed(*item, labels.covariates) for item in zip(pieces, tasks, strict=True)]


def _pairs(tasks: Sequence[Prepared], options: Matching) -> Chosen:
    reuse = options.reuse if options.replace else 1
    work = [task.task for task in tasks]
    if options.method == "optimal":
        return match_optimal(work, reuse=reuse)
    order = _ORDERS.get(order_of(options), "turn")
    return match_nearest(work, reuse=reuse, order=order, run=_runner(options))


def _runner(options: Matching) -> Callable[[Callable[[Any], Any], Sequence[Any]], Iterable[Any]]:
    """How strata are worked through: one after the other, or by joblib's workers."""
    if options.workers == 1:
        return map

    def parallel(work: Callable[[Any], Any], strata: Sequence[Any]) -> Iterable[Any]:
        from joblib import Parallel, delayed

        return list(Parallel(n_jobs=options.workers, backend=options.backend)(delayed(work)(one) for one in strata))

    return parallel


def _full(task: Prepared, options: Matching, labels: Labels) -> Piece:  # noqa: ARG001  (one signature for all methods)
    grouped = match_full(task.task)
    codes = (grouped.treated_set, grouped.control_set)
    return _pieces.of_groups((grouped.treated, grouped.control), codes, grouped.distance, options.estimand)


def _coarsened(task: Prepared, options: Matching, labels: Labels) -> Piece:
    exact = np.concatenate([task.task.treated.strata[:, 0], task.task.control.strata[:, 0]]).astype(np.int64)
    x = task.x
    strata = coarsen([exact, *_classes(x, options.coarsening, labels)], task.is_treated)
    if options.coarsening.one_to_one:
        strata = pair_within(mahalanobis(x, task.is_treated).of(x), task.is_treated, strata)
    return _pieces.of_codes(strata, task.is_treated, options.estimand)


def _classes(x: FloatArray, coarsening: Coarsening, labels: Labels) -> Iterator[IntArray]:
    """Codes of the classes: for each covariate, or for all indicators of a column whose categories are grouped."""
    cuts, grouping = dict(coarsening.cutpoints), dict(coarsening.groups)
    for place, column in enumerate(labels.columns):
        if column not in grouping:
            yield bin_codes(x[:, place], cuts.get(column, coarsening.default))
    for column, groups in grouping.items():
        places = [place for place, name in enumerate(labels.columns) if name == column]
        categories = np.array([labels.covariates[place].removeprefix(f"{column}_") for place in places])
        values = categories[x[:, places].argmax(axis=1)]
        yield group_codes(values, [[str(category) for category in group] for group in groups])


def _subclass(task: Prepared, options: Matching, labels: Labels) -> Piece:  # noqa: ARG001
    codes = subclasses(task.score, task.is_treated, number=options.subclasses, estimand=options.estimand)
    return _pieces.of_codes(codes, task.is_treated, options.estimand)


def _entropy(task: Prepared, options: Matching, labels: Labels) -> Piece:
    strata = np.concatenate([task.task.treated.strata[:, 0], task.task.control.strata[:, 0]])
    own = np.unique(strata[: len(task.treated.unit)])
    shared = np.isin(own, strata[len(task.treated.unit) :])
    use = np.isin(strata, own[shared])
    x = with_squares(task.x) if options.moments == 2 else task.x
    indicators = (strata[:, None] == own[shared][1:]).astype(np.float64)
    names = [*labels.covariates, *(f"square {place + 1}" for place in range(x.shape[1] - len(labels.covariates)))]
    weight = np.zeros(len(use))
    weight[use] = balance_arms(
        np.column_stack([x, indicators])[use],
        task.is_treated[use],
        estimand=options.estimand,
        names=[*names, *(f"exact stratum {place + 2}" for place in range(indicators.shape[1]))],
    )
    return _pieces.of_weights(weight, task.is_treated, options.estimand)


def _propensity(task: Prepared, options: Matching, labels: Labels) -> Piece:  # noqa: ARG001
    if options.propensity_scale == "linear" and options.link == "logit":
        probability = 1.0 / (1.0 + np.exp(-task.score))
    elif options.propensity_scale == "linear":
        from scipy.special import ndtr

        probability = ndtr(task.score)
    else:
        probability = task.score
    weight = propensity_weights(probability, task.is_treated, options.estimand)
    return _pieces.of_weights(weight, task.is_treated, options.estimand)


_SET_METHODS: dict[str, Callable[[Prepared, Any, Labels], Piece]] = {
    "full": _full,
    "coarsened_exact": _coarsened,
    "subclass": _subclass,
    "entropy": _entropy,
    "propensity_weighting": _propensity,
}


def _reweighed(piece: Piece, task: Prepared, names: Sequence[str]) -> Piece:
    """One set of all matched treated units and controls of a risk set, weighted until their means agree."""
    if not len(piece.mass):
        return piece
    treated = np.unique(piece.treated)
    control, code = np.unique(piece.control, return_inverse=True)
    base = np.bincount(code.ravel(), piece.mass[piece.control_set] * piece.share).astype(np.float64)
    target = task.treated.x[treated].mean(axis=0)
    try:
        balanced = entropy_balance(task.control.x[control], target, base, names=names)
    except EstimationError as error:
        raise EstimationError(_no_balance(task.cohort, error)) from error
    return _pieces.one_set(treated, control, balanced.weight)


def _no_balance(cohort: float, error: EstimationError) -> Problem:
    when = "" if np.isnan(cohort) else f"cohort {cohort:g}: "
    return Problem(
        what="the matched controls cannot be weighted to the means of their treated units",
        where=f"{when}{error.problems[0].where}",
        expected="controls on both sides of every mean",
        remedy="match more controls per treated unit, or leave out weigh",
    )

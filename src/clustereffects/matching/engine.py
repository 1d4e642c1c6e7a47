"""From tasks to sets: every method's work on arrays, risk set by risk set, or for all of them where they share units."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import clustereffects.matching._pieces as _pieces
from clustereffects.errors import EstimationError, OptionError, Problem
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
from clustereffects.matching.options import Coarsening, Score
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
        Covariates and the columns they come from.

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
        pieces = _sets(tasks, options, labels)
    names = labels.covariates
    return [_reweighed(*item, names) for item in zip(pieces, tasks, strict=True)] if options.weigh else pieces


def _sets(tasks: Sequence[Prepared], options: Matching, labels: Labels) -> list[Piece]:
    """Sets of every risk set; a risk set without treated units, or without a class that holds both sides, has none."""
    pieces, errors = [], []
    for task in tasks:
        piece = _pieces.of_codes(np.full(len(task.is_treated), -1), task.is_treated, options.estimand)
        try:
            if len(task.treated.unit):
                piece = _SET_METHODS[options.method](task, options, labels)
        except EstimationError as error:
            errors.append(EstimationError(_of_cohort(task.cohort, error)))
            # Classes either hold both sides or do not; weights that do not exist are no reason to drop a cohort.
            if options.method != "coarsened_exact":
                raise errors[-1] from error
        pieces.append(piece)
    if errors and not any(len(piece.mass) for piece in pieces):
        raise errors[0]
    return pieces


def _of_cohort(cohort: float, error: EstimationError) -> list[Problem]:
    """The same problems, with the cohort where there is one."""
    when = "" if np.isnan(cohort) else f"cohort {cohort:g}: "
    return [replace(problem, where=f"{when}{problem.where}") for problem in error.problems]


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
    columns = _classes(x, options.coarsening, labels)
    strata = coarsen([exact, *columns], task.is_treated)
    if options.coarsening.one_to_one:
        strata = pair_within(mahalanobis(x, task.is_treated).of(x), task.is_treated, strata)
    return _pieces.of_codes(strata, task.is_treated, options.estimand)


def _classes(x: FloatArray, coarsening: Coarsening, labels: Labels) -> list[IntArray]:
    """Codes of the classes of every column; a name is that of a column, or of one of its covariates."""
    cuts: dict[str, Any] = dict(coarsening.cutpoints)
    groups: dict[str, Any] = dict(coarsening.grouping)
    if unknown := sorted({*cuts, *groups} - {*labels.columns, *labels.covariates}):
        raise OptionError(
            Problem(
                what=f"coarsening of {', '.join(unknown)}",
                where="",
                expected=f"columns to match on: {', '.join(dict.fromkeys(labels.columns))}",
                remedy="name one of these",
            )
        )
    classes = []
    for column in dict.fromkeys(labels.columns):
        names = {name: place for place, name in enumerate(labels.covariates) if labels.columns[place] == column}
        if column in groups:
            classes += _grouped(x, column, names, groups[column])
            continue
        # A category is a class of its own, however few classes numbers have.
        usual = 0 if _categorical(column, names) else coarsening.default
        classes += [bin_codes(x[:, place], cuts.get(name, cuts.get(column, usual))) for name, place in names.items()]
    return classes


def _categorical(column: str, names: Mapping[str, int]) -> bool:
    """Whether a column became one indicator per category."""
    return all(name.startswith(f"{column}_") for name in names)


def _grouped(x: FloatArray, column: str, names: Mapping[str, int], groups: Sequence[Sequence[Any]]) -> list[IntArray]:
    """Codes of categories taken together: of indicators by their category, of numbers by their value."""
    if not _categorical(column, names):
        return [group_codes(x[:, place], groups) for place in names.values()]
    categories = np.array([name.removeprefix(f"{column}_") for name in names])
    own = categories[np.argmax(x[:, list(names.values())], axis=1)]
    return [group_codes(own, [[str(value) for value in group] for group in groups])]


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


def _probability(task: Prepared, options: Matching) -> FloatArray:
    """Probability of being treated from the score; a score of the user's must be on the scale that is named."""
    low, high = float(task.score.min()), float(task.score.max())
    inside, linear = low >= 0 and high <= 1, options.propensity_scale == "linear"
    if isinstance(options.distance, Score) and inside is linear:
        raise EstimationError(
            Problem(
                what=f"score {options.distance.column!r} is not on the scale propensity_scale={options.propensity_scale!r}",
                where=f"values from {low:.4g} to {high:.4g}",
                expected="values of a linear predictor, such as log odds" if linear else "probabilities",
                remedy=f"set propensity_scale={'probability' if linear else 'linear'!r}",
            )
        )
    if not linear:
        return task.score
    if options.link == "logit":
        return np.asarray(1.0 / (1.0 + np.exp(-task.score)))
    from scipy.special import ndtr

    return np.asarray(ndtr(task.score))


def _propensity(task: Prepared, options: Matching, labels: Labels) -> Piece:  # noqa: ARG001
    probability = _probability(task, options)
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

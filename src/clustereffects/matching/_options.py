"""Which values the options of matching can have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from clustereffects.errors import OptionError, Problem
from clustereffects.matching._ladder import Ladder, ladder_problems
from clustereffects.matching.options import Caliper, Coarsening, Score, VariableRatio
from clustereffects.matching.rules import require_rules

if TYPE_CHECKING:
    from clustereffects.matching.matching import Matching

PAIRS = frozenset({"nearest", "optimal"})
"""Methods that make pairs; the others make sets in which treated units share controls."""
LINKS = PAIRS | {"full"}
"""Methods that know which two units are compared, so that a pair can be barred."""
SCORED = frozenset({"subclass", "propensity_weighting"})
DISTANCES = ("mahalanobis", "robust_mahalanobis", "scaled_euclidean", "propensity")

_CHOICES: dict[str, tuple[Any, ...]] = {
    "method": ("nearest", "optimal", "full", "coarsened_exact", "subclass", "entropy", "propensity_weighting"),
    "candidates": ("not_yet_treated", "never_treated"),
    "trim": (None, "treated", "both"),
    "order": (None, "data", "largest", "smallest", "random", "closest", "farthest"),
    "link": ("logit", "probit"),
    "propensity_scale": ("linear", "probability"),
    "estimand": ("ATT", "ATC", "ATE", "ATO"),
    "moments": (1, 2),
    "weigh": (None, "entropy"),
}
_COLUMNS = ("on", "exact", "forbid", "growth", "near")
_BARS = ("forbid", "caliper", "ladder")


def as_tuple(value: Any) -> Any:
    """A single name as a tuple of one, a list as a tuple; anything else is left for validation."""
    if isinstance(value, str | int):
        return (value,)
    return tuple(value) if isinstance(value, list | tuple | set | np.ndarray) else value


def validate(options: Matching) -> None:
    """Raise one error that lists every impossible option."""
    problems = [
        *_bad_choices(options),
        *_bad_columns(options),
        *_bad_numbers(options),
        *_bad_parts(options),
    ]
    if not problems:
        problems = [*_bad_scores(options), *_bad_methods(options), *_bad_reuse(options)]
    if problems:
        raise OptionError(problems)


def _bad_choices(options: Matching) -> Iterator[Problem]:
    for name, choices in _CHOICES.items():
        value = getattr(options, name)
        if not any(value is choice or value == choice for choice in choices):
            yield _bad(name, value, " or ".join(repr(choice) for choice in choices))


def _bad_columns(options: Matching) -> Iterator[Problem]:
    if not (options.on or options.growth):
        yield _bad("on", options.on, "at least one column to match on")
    for name in _COLUMNS:
        value = getattr(options, name)
        if not isinstance(value, tuple) or not all(isinstance(column, str) for column in value):
            yield _bad(name, value, "names of columns")
        elif len(set(value)) < len(value):
            yield _bad(name, value, "each column once")
    if isinstance(options.near, tuple) and not set(options.near) <= {*options.on, *options.growth}:
        yield _bad("near", options.near, "columns of `on` or `growth`")


def _bad_numbers(options: Matching) -> Iterator[Problem]:
    if not _are_lags(options.lags):
        yield _bad("lags", options.lags, "different whole numbers of at least 1, periods before joining")
    elif unknown := _unknown_lags(options):
        yield _bad("lags", options.lags, f"columns of `on` or `growth`, not {', '.join(map(str, unknown))}")
    elif any(len(lags_of(options)[name]) < 2 for name in options.growth):
        yield _bad("lags", options.lags, "at least two for every column of `growth`")
    for name, least in (("horizon", 0), ("active", 0), ("subclasses", 2), ("workers", 1)):
        if not _whole(getattr(options, name), least):
            yield _bad(name, getattr(options, name), f"a whole number of at least {least}")
    if not (_whole(options.ratio, 1) or isinstance(options.ratio, VariableRatio)):
        yield _bad("ratio", options.ratio, "a whole number of at least 1, or VariableRatio(...)")
    if options.reuse is not None and not _whole(options.reuse, 1):
        yield _bad("reuse", options.reuse, "a whole number of at least 1, or None")


def _unknown_lags(options: Matching) -> list[str]:
    """Columns with lags that nothing is matched on."""
    lags = cast("tuple[Any, ...]", options.lags)
    return [item[0] for item in lags if isinstance(item, tuple) and item[0] not in lags_of(options)]


def _are_lags(lags: Any) -> bool:
    if isinstance(lags, tuple) and lags and all(isinstance(item, tuple) and len(item) == 2 for item in lags):
        return all(_are_lags(as_tuple(each)) for _, each in lags)
    return (
        isinstance(lags, tuple)
        and len(lags) > 0
        and all(_whole(lag, 1) for lag in lags)
        and len(set(lags)) == len(lags)
    )


def _bad_parts(options: Any) -> Iterator[Problem]:
    """Parts; ``options`` is untyped because users pass anything."""
    caliper = options.caliper
    number = isinstance(caliper, int | float | np.number) and bool(np.isfinite(caliper) and caliper > 0)
    if not (caliper is None or number or isinstance(caliper, Caliper)):
        yield _bad("caliper", caliper, "a positive number, or Caliper(...)")
    if not (options.distance in DISTANCES or isinstance(options.distance, Score) or callable(options.distance)):
        yield _bad("distance", options.distance, f"{', '.join(DISTANCES)}, Score('column') or a function")
    if not isinstance(options.coarsening, Coarsening):
        yield _bad("coarsening", options.coarsening, "Coarsening(...)")
    yield from _bad_rules(options.rules)
    yield from ladder_problems(options.ladder)


def _bad_rules(rules: Any) -> Sequence[Problem]:
    if not isinstance(rules, tuple):
        return [_bad("rules", rules, "Rule(...) objects")]
    try:
        require_rules(rules)
    except OptionError as error:
        return error.problems
    return []


def _bad_scores(options: Matching) -> Iterator[Problem]:
    """Options that need a score to be there."""
    scored = has_score(options) or score_caliper(options) is not None
    if options.trim is not None and options.distance != "propensity":
        yield _bad("trim", options.trim, "None, unless distance='propensity'")
    if options.order in {"largest", "smallest"} and not scored:
        yield _bad("order", options.order, "'data', 'random', 'closest' or 'farthest', unless distance='propensity'")
    if isinstance(options.ratio, VariableRatio) and not scored:
        yield _bad("ratio", options.ratio, "a whole number, unless distance='propensity'")
    if options.order == "random" and options.rng is None:
        yield _bad("rng", None, "a seed or generator for order='random'")
    if options.method in SCORED and not has_score(options):
        yield _bad("distance", options.distance, f"'propensity' for method={options.method!r}")
    yield from _bad_calipers(options)


def _bad_calipers(options: Matching) -> Iterator[Problem]:
    if callable(options.distance) and caliper_of(options).distance is not None:
        yield _bad(
            "caliper", options.caliper, "no distance: let the function return infinity for pairs that must not be"
        )
    if isinstance(options.distance, Score) and options.distance.column in dict(caliper_of(options).ratios):
        yield _bad("caliper", options.caliper, "no factor of the column that is the score; take its logarithm as score")
    if has_score(options) and score_caliper(options) is not None:
        yield _bad("caliper", options.caliper, "Caliper(distance=...) where the distance is the score")


def _bad_methods(options: Matching) -> Iterator[Problem]:
    """Options that a method cannot keep."""
    method = options.method
    if method not in LINKS:
        for name in _BARS:
            if getattr(options, name):
                yield _bad(name, getattr(options, name), f"none with method={method!r}, where units are not paired")
        if own := tuple(rule.name for rule in options.rules if rule.of == "own"):
            yield _bad("rules", own, f"of='any' with method={method!r}, where units are not paired")
    if method in SCORED and options.exact:
        yield _bad("exact", options.exact, f"none with method={method!r}")
    yield from _bad_estimands(options)
    yield from _meaningless(options)


def _meaningless(options: Matching) -> Iterator[Problem]:
    """Options that another method would heed and this one would not."""
    method = options.method
    heeded = {
        "order": method == "nearest",
        "near": method in LINKS,
        "moments": method == "entropy",
        "subclasses": method == "subclass",
        "coarsening": method == "coarsened_exact",
    }
    usual = {"order": None, "near": (), "moments": 1, "subclasses": 6, "coarsening": Coarsening()}
    for name, here in heeded.items():
        value = getattr(options, name)
        if not here and value != usual[name]:
            yield _bad(name, value, f"left out with method={method!r}, which has no use for it")


def _bad_estimands(options: Matching) -> Iterator[Problem]:
    method, estimand = options.method, options.estimand
    if estimand == "ATO" and method != "propensity_weighting":
        yield _bad("estimand", estimand, "'ATT', 'ATC' or 'ATE', unless method='propensity_weighting'")
    if estimand == "ATE" and method in PAIRS:
        yield _bad("estimand", estimand, "'ATT' or 'ATC' for pairs")
    if options.weigh and method in {"entropy", "propensity_weighting"}:
        yield _bad("weigh", options.weigh, f"None with method={method!r}, which weighs already")
    if options.weigh and estimand != "ATT":
        yield _bad("weigh", options.weigh, "None, unless estimand='ATT'")


def _bad_reuse(options: Matching) -> Iterator[Problem]:
    if options.reuse is not None and (options.method not in PAIRS or not options.replace):
        yield _bad("reuse", options.reuse, "None, unless pairs are made with replacement")


def require_treated(options: Matching) -> None:
    """Raise unless the effect on the treated is asked for: in a panel the others have no joining year."""
    if options.estimand != "ATT":
        raise OptionError(_bad("estimand", options.estimand, "'ATT' in a panel"))


def pairs_untreated(options: Matching) -> bool:
    """Whether untreated units choose among the treated: pairs for the effect on the untreated. Other methods weigh sets."""
    return options.estimand == "ATC" and options.method in PAIRS


def lags_of(options: Matching) -> dict[str, tuple[int, ...]]:
    """Lags of every column; where only some are named, the others are read in the period before joining."""
    columns, lags = [*options.on, *options.growth], cast("tuple[Any, ...]", options.lags)
    named = {item[0]: as_tuple(item[1]) for item in lags if isinstance(item, tuple)}
    return {column: named.get(column, (1,)) if named else lags for column in columns}


def ladder_of(options: Matching) -> Ladder:
    """The ladder as pairs of a column and its steps."""
    return cast("Ladder", options.ladder)


def has_score(options: Matching) -> bool:
    """Whether the distance is the difference of a score."""
    return options.distance == "propensity" or isinstance(options.distance, Score)


def caliper_of(options: Matching) -> Caliper:
    """The caliper with its parts; a number is that of the distance."""
    caliper = options.caliper
    return caliper if isinstance(caliper, Caliper) else Caliper(distance=caliper)


def score_caliper(options: Matching) -> float | None:
    """Caliper on the propensity where the distance is another one."""
    return options.caliper.score if isinstance(options.caliper, Caliper) else None


def _whole(value: object, least: int) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= least)


def _bad(option: str, value: object, expected: str) -> Problem:
    return Problem(
        what=f"option {option}={value!r}", where="", expected=expected, remedy=f"give {option} another value"
    )

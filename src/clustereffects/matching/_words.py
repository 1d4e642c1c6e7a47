"""How a match was made, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clustereffects.matching._options import PAIRS, caliper_of, has_score, ladder_of
from clustereffects.matching.options import Score, VariableRatio

if TYPE_CHECKING:
    from clustereffects.matching.matching import Matching

_ESTIMANDS = {
    "ATT": "average effect on the matched treated units (ATT)",
    "ATC": "average effect on the matched untreated units (ATC)",
    "ATE": "average effect on all matched units (ATE)",
    "ATO": "average effect on the overlap population (ATO)",
}
_DISTANCES = {
    "mahalanobis": "Mahalanobis, covariance within treated and candidates of each risk set",
    "robust_mahalanobis": "Mahalanobis of ranks among treated and candidates of each risk set",
    "scaled_euclidean": "Euclidean in standard deviations within treated and candidates of each risk set",
}
_METHODS = {
    "full": "optimal full matching",
    "coarsened_exact": "coarsened exact matching",
    "subclass": "propensity subclassification",
    "entropy": "entropy balancing of means",
    "propensity_weighting": "propensity weighting",
}


def estimand(options: Matching) -> str:
    """What the match is for."""
    return _ESTIMANDS[options.estimand]


def distance(options: Matching) -> str:
    """What near means."""
    if isinstance(options.distance, Score):
        return f"difference in {options.distance.column}"
    if callable(options.distance):
        return f"function {getattr(options.distance, '__name__', 'of the user')}"
    if options.distance == "propensity":
        return f"propensity score from a {options.link}, {options.propensity_scale}"
    return _DISTANCES[options.distance]


def method(options: Matching) -> str:
    """How units were put together."""
    # Weights of all candidates together make shares equal, not units.
    alike = "equal shares of" if options.method == "entropy" else "exact on"
    limits = [f"{alike} {', '.join(options.exact)}"] if options.exact else []
    limits += [f"loosened step by step: {', '.join(name for name, _ in ladder_of(options))}"] if options.ladder else []
    limits += [f"not sharing {', '.join(options.forbid)}"] if options.forbid else []
    limits += [f"rules: {', '.join(rule.name for rule in options.rules)}"] if options.rules else []
    limits += _limits(options)
    limits += ["reweighted to equal means"] if options.weigh else []
    return ", ".join([_kind(options), *limits])


def _kind(options: Matching) -> str:
    if options.method == "entropy" and options.moments == 2:
        return "entropy balancing of means and squares"
    if options.method == "subclass":
        return f"{_METHODS['subclass']}, {options.subclasses} subclasses"
    if options.method not in PAIRS:
        return _METHODS[options.method]
    ratio = options.ratio
    number = f"{ratio.mean:g} ({ratio.least} to {ratio.most})" if isinstance(ratio, VariableRatio) else f"{ratio}"
    reuse = "without replacement" if not options.replace else "with replacement"
    reuse += f", each at most {options.reuse} times" if options.reuse else ""
    best = ", least total distance" if options.method == "optimal" else ""
    return f"{number} nearest neighbour(s) {reuse}{best}"


def _limits(options: Matching) -> list[str]:
    caliper = caliper_of(options)
    unit = " SD" if caliper.units == "sd" else ""
    said = []
    if caliper.distance is not None:
        said.append(f"caliper {caliper.distance:g}{unit if has_score(options) else ''}")
    if caliper.score is not None:
        said.append(f"propensity within {caliper.score:g}{unit}")
    said += [f"{name} within {width:g}" for name, width in caliper.widths]
    said += [f"{name} within a factor of {factor:g}" for name, factor in caliper.ratios]
    return said

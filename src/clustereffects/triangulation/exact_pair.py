"""Two diagnostics whose dependence is known, as one: the exact joint probability instead of an exponent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from clustereffects.errors import EvidenceError, Problem
from clustereffects.results.evidence import Diagnostic

_STATES = ("benefit", "negligible", "harm")
_SAME = ("claim", "group", "target", "stream", "dependence", "rho")


def exact_pair(first: Diagnostic, second: Diagnostic, correlation: float | Mapping[str, float]) -> Diagnostic:
    """Join two diagnostics into one, exactly, given the correlation of the two signs under each state.

    Parameters
    ----------
    first, second : Diagnostic
        On the same claim, organisation, target and stream, with single probabilities. What was seen and what was not is
        taken together: the pair that was observed.
    correlation : float or mapping of str to float
        Correlation of the two signs under every state, or by ``"benefit"``, ``"negligible"`` and ``"harm"``; a state that
        the mapping leaves out has 0.

    Returns
    -------
    Diagnostic
        ``p_benefit``, ``p_negligible`` and ``p_harm`` are the probabilities of the reports as they were made, what is
        uninformative about them included; ``unreliability`` is therefore 0. It belongs to the dependence group of both.

    Raises
    ------
    EvidenceError
        With everything that is in the way: the two are not about the same, a probability is a range, or a correlation is
        not possible with such probabilities.

    Notes
    -----
    ``p₁₁ = p₁p₂ + ρ√(p₁(1 − p₁)p₂(1 − p₂))`` under each state, feasible if
    ``max(0, p₁ + p₂ − 1) ≤ p₁₁ ≤ min(p₁, p₂)``; the other three cells follow from the margins. As in the process-tracing
    designer of DesignLibrary (Blair, Cooper, Coppock & Humphreys 2019, *American Political Science Review* 113(3),
    838–859), after Humphreys & Jacobs (2015, *American Political Science Review* 109(4), 653–673). Reports err
    independently of each other. Where more than two items hang together, dependence groups are the way.

    Examples
    --------
    A sign that is seen four times as often with the effect, and one that is never seen without it and was not seen now:

    >>> about = {"claim": "growth", "group": "K01", "stream": "interviews"}
    >>> seen = Diagnostic(id="E1", observed=True, p_benefit=0.8, p_negligible=0.2, p_harm=0.2, **about)
    >>> unseen = Diagnostic(id="E2", observed=False, p_benefit=0.3, p_negligible=0.0, p_harm=0.0, **about)
    >>> pair = exact_pair(seen, unseen, {"benefit": 0.32})
    >>> round(pair.p_benefit / (pair.p_benefit + pair.p_negligible), 4)
    0.7148
    """
    rho = dict(correlation) if isinstance(correlation, Mapping) else dict.fromkeys(_STATES, correlation)
    problems = _problems(first, second, rho)
    if problems:
        raise EvidenceError(problems)
    benefit, negligible, harm = (_reported(first, second, state, rho.get(state, 0.0)) for state in _STATES)
    shown = ", ".join(f"{state} {rho.get(state, 0.0):g}" for state in _STATES)
    notes = (first.note, second.note, f"exact pair of {first.id} and {second.id}, correlation {shown}")
    return replace(
        first,
        id=f"{first.id} + {second.id}",
        observed=True,
        p_benefit=benefit,
        p_negligible=negligible,
        p_harm=harm,
        unreliability=0.0,
        test=" + ".join(dict.fromkeys((first.test, second.test))) if first.test and second.test else "",
        source=_joined(first.source, second.source),
        note=_joined(*notes),
        respondents=tuple(sorted({*first.respondents, *second.respondents})),
        elicitation=_joined(first.elicitation, second.elicitation),
        suggested_by="",
        provenance=first.provenance if first.provenance == second.provenance else None,
    )


def _reported(first: Diagnostic, second: Diagnostic, state: str, rho: float) -> float:
    """Probability of both reports: the four pairs of signs, each with the chance that it is reported like this."""
    one, other = (getattr(item, f"p_{state}") for item in (first, second))
    both = _both(one, other, rho)
    signs = {(True, True): both, (True, False): one - both, (False, True): other - both}
    signs[False, False] = 1 - one - other + both
    total = sum(p * _report(first, seen=a) * _report(second, seen=b) for (a, b), p in signs.items())
    return float(min(max(total, 0.0), 1.0))


def _report(item: Diagnostic, *, seen: bool) -> float:
    noise = item.noise if item.observed else 1 - item.noise
    return (1 - item.unreliability) * (seen == item.observed) + item.unreliability * noise


def _both(one: float, other: float, rho: float) -> float:
    return one * other + rho * math.sqrt(one * (1 - one) * other * (1 - other))


def _problems(first: Diagnostic, second: Diagnostic, rho: Mapping[str, float]) -> list[Problem]:
    found = [
        (f"{name} is {getattr(first, name)!r} and {getattr(second, name)!r}", f"the same {name}")
        for name in _SAME
        if getattr(first, name) != getattr(second, name)
    ]
    found += [(f"a correlation under {state!r}", ", ".join(_STATES)) for state in rho if state not in _STATES]
    found += [("the same diagnostic twice", "two diagnostics")] if first == second else []
    for state in _STATES:
        chances = [getattr(item, f"p_{state}") for item in (first, second)]
        if any(isinstance(chance, tuple) for chance in chances):
            found.append((f"p_{state} is a range", "single probabilities, or a dependence group for both"))
        else:
            found += _feasibility(state, chances[0], chances[1], rho.get(state, 0.0))
    where = f"pair of {first.id!r} and {second.id!r}"
    return [Problem(what=w, where=where, expected=e, remedy="correct the pair") for w, e in found]


def _feasibility(state: str, one: float, other: float, rho: float) -> list[tuple[str, str]]:
    if not -1 <= rho <= 1:
        return [(f"the correlation under {state} is {rho}", "between -1 and 1")]
    spread = math.sqrt(one * (1 - one) * other * (1 - other))
    if not spread:
        return []
    low, high = (max(0.0, one + other - 1) - one * other) / spread, (min(one, other) - one * other) / spread
    if low - 1e-12 <= rho <= high + 1e-12:
        return []
    return [(f"the correlation under {state} is {rho}", f"between {low:.3f} and {high:.3f} with {one:g} and {other:g}")]


def _joined(*parts: str) -> str:
    return "; ".join(dict.fromkeys(part for part in parts if part))

"""What signs of rivals say of who accounts for an outcome: the organisation, a rival, several together, something else.

Another question than the size of the effect: nothing here ever enters its posterior, and no evidence on the effect enters
here. A large effect, none and harm give the same probabilities.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustereffects.errors import EvidenceError, OptionError, Problem
from clustereffects.results.evidence import Diagnostic
from clustereffects.triangulation.attribution_bounds import TraceArrays, probabilities, probability_ranges
from clustereffects.triangulation.blocks import dependence_blocks, ends, on_rivals, shares
from clustereffects.triangulation.likelihoods import Reports, log_likelihoods
from clustereffects.triangulation.sorting import CellEvidence
from clustereffects.triangulation.theory import Claim, Rival, Theory
from clustereffects.triangulation.theory_reading import ORGANISATION

FloatArray = NDArray[np.float64]

OTHER = "other"
_JOIN = " + "
_MOST = 1000
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """How probable one explanation is, by the signs of rivals alone.

    Parameters
    ----------
    claim, group, hypothesis : str
        The hypothesis is ``"organisation"``, a rival, several of them joined by ``" + "``, or ``"other"``.
    prior, probability, lower, upper : float
        Before and after the diagnostics on rivals; bounds over all declared ranges.
    items : int
        Diagnostics on the rivals in this hypothesis.
    note : str

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    >>> Attribution(claim="growth", group="K01", hypothesis="other", prior=0.3, probability=0.2, lower=0.1, upper=0.3,
    ...             items=0).note
    ''
    """

    claim: str
    group: str
    hypothesis: str
    prior: float
    probability: float
    lower: float
    upper: float
    items: int
    note: str = ""


def hypotheses(rivals: Sequence[Rival]) -> tuple[frozenset[str], ...]:
    """Explanations that exclude each other and leave nothing out.

    Parameters
    ----------
    rivals : sequence of Rival
        Rivals of one claim.

    Returns
    -------
    tuple of frozenset of str
        The organisation, each rival, every set of them of which each two were declared to overlap, and none of them.

    Raises
    ------
    OptionError
        If overlaps make more than a thousand explanations.

    Examples
    --------
    >>> found = hypotheses([Rival(id="boom", overlaps=("organisation",)), Rival(id="owner")])
    >>> [" + ".join(sorted(one)) for one in found]
    ['organisation', 'boom', 'owner', 'boom + organisation', '']
    """
    names = [ORGANISATION, *(rival.id for rival in rivals)]
    pairs = {frozenset((rival.id, other)) for rival in rivals for other in rival.overlaps}
    found = [frozenset((name,)) for name in names]
    level: list[tuple[str, ...]] = [(name,) for name in names]
    while level:
        level = list(_larger(level, names, pairs))
        found += [frozenset(one) for one in level]
        if len(found) > _MOST:
            raise OptionError(
                Problem(
                    what=f"overlaps of {len(rivals)} rivals make more than {_MOST} joint explanations",
                    where="overlaps",
                    expected="rivals of which few may work together",
                    remedy="join rivals that always come together into one",
                )
            )
    return (*found, frozenset())


def _larger(
    level: Sequence[tuple[str, ...]], names: Sequence[str], pairs: set[frozenset[str]]
) -> Iterator[tuple[str, ...]]:
    """Sets with one member more, of which each two overlap; a member is only added behind the last one."""
    for one in level:
        for name in names[names.index(one[-1]) + 1 :]:
            if all(frozenset((name, member)) in pairs for member in one):
                yield (*one, name)


def attribution(
    theory: Theory,
    claim: Claim,
    group: str,
    evidence: CellEvidence,
    prior: Mapping[str, float] | None = None,
) -> tuple[Attribution, ...]:
    """Posterior probability of each explanation, by the diagnostics on a claim's rivals alone.

    Parameters
    ----------
    theory : Theory
    claim : Claim
    group : str
    evidence : CellEvidence
        Only its diagnostics on rivals are used, none on the effect.
    prior : mapping of str to float, optional
        Probability of each hypothesis, by the names in the result; all the same by default.

    Returns
    -------
    tuple of Attribution
        The probabilities add up to one. Empty without a diagnostic on a rival: then there is only the prior.

    Raises
    ------
    OptionError
        If the prior has other names or does not add up to one.
    EvidenceError
        If the diagnostics rule out every explanation.

    Notes
    -----
    A sign of a rival has the probability ``p_negligible`` under every hypothesis in which that rival takes part, and
    ``p_benefit`` – how often it is seen anyway – under all others, ``"other"`` included. So the odds of ``"other"``
    against the organisation alone stay what they were: no sign of a *named* rival can tell them apart. Unreliable reports
    and dependence enter as in the likelihood of the effect, except that a dependence group counts its items on all rivals.

    Hypotheses that exclude each other are an assumption, and the one most often broken (Zaks 2021, *Political Analysis*
    29(1); Fairfield & Charman 2022, *Social Inquiry and Bayesian Inference*, on rivals that are exhaustive and mutually
    exclusive). Rivals whose overlap is declared get joint hypotheses. Where an overlap is not declared, joint action has
    no hypothesis of its own: its probability is spread over the single explanations, and the largest of these is
    overstated.

    Examples
    --------
    >>> theory = Theory.from_dict({"nodes": {"a": {"kind": "activity"}, "b": {"kind": "outcome"}},
    ...     "links": {"ab": {"from": "a", "to": "b"}}, "rivals": {"boom": {}},
    ...     "claims": {"growth": {"outcome": "y", "scale": "log", "horizon": 3, "delta": 0.01, "rivals": ["boom"],
    ...                           "link": "ab"}}})
    >>> item = Diagnostic(id="R1", claim="growth", group="K01", stream="interviews", observed=True, p_benefit=0.25,
    ...                   p_negligible=0.5, p_harm=0.4, target="rival:boom")
    >>> found = attribution(theory, theory.claim("growth"), "K01", CellEvidence(rivals=(item,)))
    >>> [(one.hypothesis, round(one.probability, 2)) for one in found]
    [('organisation', 0.25), ('boom', 0.5), ('other', 0.25)]
    """
    rivals = [theory.rival(name) for name in dict.fromkeys((*claim.rivals, *_targets(evidence.rivals)))]
    order = [ORGANISATION, *(rival.id for rival in rivals)]
    sets = hypotheses(rivals)
    names = [_JOIN.join(sorted(one, key=order.index)) or OTHER for one in sets]
    weight = _weights(names, prior, f"{claim.id} × {group}")
    if not evidence.rivals:
        return ()
    found = _posterior(_trace_arrays(on_rivals(evidence.rivals), sets), weight, f"{claim.id} × {group}")
    asked = Counter(_targets(evidence.rivals))
    return tuple(
        Attribution(
            claim=claim.id,
            group=group,
            hypothesis=name,
            prior=float(before),
            probability=after[0],
            lower=after[1],
            upper=after[2],
            items=sum(asked[member] for member in one),
            note=_note(one, asked),
        )
        for name, one, before, after in zip(names, sets, weight, found, strict=True)
    )


def _posterior(arrays: TraceArrays, weight: FloatArray, where: str) -> list[tuple[float, float, float]]:
    log_prior = np.log(weight, out=np.full(weight.size, -np.inf), where=weight > 0)
    if arrays.ruled_out()[weight > 0].all():
        raise EvidenceError(
            Problem(
                what="the diagnostics rule out every explanation",
                where=where,
                expected="at least one under which everything could have been seen",
                remedy="avoid probabilities of exactly 0 and 1, or declare unreliability",
            )
        )
    middle = probabilities(arrays, log_prior)
    low, high = probability_ranges(arrays, log_prior)
    return list(zip(middle.tolist(), np.minimum(low, middle).tolist(), np.maximum(high, middle).tolist(), strict=True))


def _targets(items: Sequence[Diagnostic]) -> list[str]:
    return [one.target.removeprefix("rival:") for one in items]


def _note(members: frozenset[str], asked: Mapping[str, int]) -> str:
    if not members:
        return "no sign of a named rival tells it from the organisation"
    silent = sorted(name for name in members if name != ORGANISATION and not asked[name])
    return f"nothing was asked about {', '.join(silent)}" if silent else ""


def _weights(names: Sequence[str], prior: Mapping[str, float] | None, where: str) -> FloatArray:
    if prior is None:
        return np.full(len(names), 1 / len(names))
    weight = np.array([prior.get(name, np.nan) for name in names], dtype=np.float64)
    whole = abs(weight.sum() - 1) < _TOLERANCE and bool((weight >= 0).all())
    if set(prior) != set(names) or not whole:
        raise OptionError(
            Problem(
                what=f"a prior for {', '.join(prior)} with the sum {sum(prior.values()):.6g}",
                where=where,
                expected="probabilities that add up to 1 for " + ", ".join(names),
                remedy="name every hypothesis",
            )
        )
    return weight


def _trace_arrays(items: Sequence[Diagnostic], sets: Sequence[frozenset[str]]) -> TraceArrays:
    tests: dict[tuple[object, ...], int] = {}
    test = []
    for i, one in enumerate(items):
        # All reports on one test share its probabilities, whatever they are within their range.
        same = (one.test, one.target, one.stream, one.dependence, one.p_benefit, one.p_negligible) if one.test else (i,)
        test.append(tests.setdefault(same, len(tests)))
    blocks = dependence_blocks([], items, tuple(dict.fromkeys(one.stream for one in items)))
    first = np.unique(test, return_index=True)[1]
    targets = [_targets(items)[i] for i in first]
    reports = _reports(items, test)
    low, middle, high = log_likelihoods(reports)[:, :, :2]
    return TraceArrays(
        takes_part=np.array([[target in one for target in targets] for one in sets]),
        low=low,
        middle=middle,
        high=high,
        impossible=reports.impossible()[:, :2],
        block=blocks.member[first],
        excess=np.maximum(blocks.count.sum(axis=1) - 1, 0.0),
        rho=np.stack([blocks.rho_low, blocks.rho_high], axis=1),
    )


def _reports(items: Sequence[Diagnostic], test: Sequence[int]) -> Reports:
    """Reports whose first state is that the rival takes no part, the second that it does; the third is not used."""
    chance = [(ends(one.p_benefit), ends(one.p_negligible), (1.0, 1.0)) for one in items]
    return Reports(
        chance=np.array(chance, dtype=np.float64),
        observed=np.array([one.observed for one in items], dtype=bool),
        unreliability=np.array([one.unreliability for one in items], dtype=np.float64),
        noise=np.array([one.noise for one in items], dtype=np.float64),
        test=np.array(test, dtype=np.intp),
        weight=shares(items),
    )

"""Evidence sorted by cell – one claim for one organisation – and by role, after checking that every item belongs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from clustereffects.errors import EvidenceError, Problem
from clustereffects.results.evidence import (
    BiasEvidence,
    BiasTerm,
    Chance,
    Diagnostic,
    Estimate,
    Evidence,
    Silence,
)
from clustereffects.triangulation.theory import Claim, Theory

STREAMS = ("economic", "survey", "interviews", "documents")

#: Largest size of a number of an estimate, in smallest effects of interest and in standard errors; beyond it a unit is
#: wrong, and intervals of the posterior lose their digits (the engine computes probabilities somewhat further out).
_LARGEST = 10_000.0
_SMALLEST_ERROR = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class CellEvidence:
    """Evidence of one cell by its role.

    Parameters
    ----------
    estimates, diagnostics, rivals, bias, silences : tuple
        Rivals are the diagnostics whose target is a rival explanation.

    Raises
    ------
    TypeError
        If an argument is unknown.

    Examples
    --------
    >>> CellEvidence().speaks
    False
    """

    estimates: tuple[Estimate, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    rivals: tuple[Diagnostic, ...] = ()
    bias: tuple[BiasEvidence, ...] = ()
    silences: tuple[Silence, ...] = ()

    @property
    def items(self) -> tuple[Evidence, ...]:
        """All items, by role."""
        return (*self.estimates, *self.diagnostics, *self.rivals, *self.bias, *self.silences)

    @property
    def searched(self) -> tuple[Silence, ...]:
        """Silences that carry information: looked for, likelier to be found with the effect than without, not found."""
        return tuple(one for one in self.silences if one.reason == "searched_not_found" and one.p_detect > one.p_false)

    @property
    def speaks(self) -> bool:
        """Whether anything here bears on the size of the effect."""
        return bool(self.estimates or self.diagnostics or self.searched)

    @property
    def streams(self) -> tuple[str, ...]:
        """Streams that bear on the size of the effect, in their fixed order."""
        items: list[Estimate | Diagnostic | Silence] = [*self.estimates, *self.diagnostics, *self.searched]
        found = {one.stream for one in items}
        return tuple(name for name in STREAMS if name in found)


def sort_evidence(theory: Theory, evidence: Iterable[Evidence]) -> dict[tuple[str, str], CellEvidence]:
    """Sort evidence into cells, after checking that every item belongs somewhere.

    Parameters
    ----------
    theory : Theory
    evidence : iterable of Estimate, Diagnostic, BiasEvidence or Silence

    Returns
    -------
    dict of (claim, group) to CellEvidence
        Within a cell the order does not depend on the order of the input.

    Raises
    ------
    EvidenceError
        With every problem at once: foreign objects, unknown claims or targets, the same item twice, two silences of one
        stream, judgements that contradict each other, and estimates, biases or standard errors of more than 10 000 δ, or
        of more than 10 000 standard errors (a wrong unit).

    Examples
    --------
    >>> theory = Theory.from_dict({"nodes": {"a": {"kind": "activity"}, "b": {"kind": "outcome"}},
    ...     "links": {"ab": {"from": "a", "to": "b"}}, "rivals": {"boom": {}},
    ...     "claims": {"growth": {"outcome": "y", "scale": "log", "horizon": 3, "delta": 0.01, "rivals": ["boom"],
    ...                           "link": "ab"}}})
    >>> sort_evidence(theory, [Silence(claim="growth", group="K01", stream="survey", reason="not_asked")]).keys()
    dict_keys([('growth', 'K01')])
    """
    items = list(evidence)
    kinds = (Estimate, Diagnostic, BiasEvidence, Silence)
    problems = [_problem(f"an item of type {type(x).__name__}", "evidence") for x in items if not isinstance(x, kinds)]
    items = [item for item in items if isinstance(item, kinds)]
    problems += _membership_problems(theory, items)
    cells: dict[tuple[str, str], list[Evidence]] = defaultdict(list)
    for item in sorted(items, key=repr):
        cells[item.claim, item.group].append(item)
    sorted_cells = {key: _by_role(members) for key, members in sorted(cells.items())}
    for key, cell in sorted_cells.items():
        problems += _cell_problems(" × ".join(key), cell)
    if problems:
        raise EvidenceError(problems)
    return sorted_cells


def _by_role(members: Sequence[Evidence]) -> CellEvidence:
    diagnostics = [one for one in members if isinstance(one, Diagnostic)]
    return CellEvidence(
        estimates=tuple(one for one in members if isinstance(one, Estimate)),
        diagnostics=tuple(one for one in diagnostics if one.target == "effect"),
        rivals=tuple(one for one in diagnostics if one.target != "effect"),
        bias=tuple(one for one in members if isinstance(one, BiasEvidence)),
        silences=tuple(one for one in members if isinstance(one, Silence)),
    )


def _problem(what: str, where: str, expected: str = "evidence items", remedy: str = "correct the evidence") -> Problem:
    return Problem(what=what, where=where, expected=expected, remedy=remedy)


def _membership_problems(theory: Theory, items: Sequence[Evidence]) -> list[Problem]:
    claims = {claim.id: claim for claim in theory.claims}
    problems = [
        _problem(f"unknown claim {name!r}", f"{n} items", "one of " + ", ".join(claims), "name a claim of the theory")
        for name, n in sorted(Counter(item.claim for item in items if item.claim not in claims).items())
    ]
    for item in items:
        if isinstance(item, Diagnostic) and item.target != "effect" and item.claim in claims:
            known = [f"rival:{name}" for name in claims[item.claim].rivals]
            if item.target not in known:
                where = f"diagnostic {item.id!r} on {item.claim}"
                problems.append(_problem(f"unknown target {item.target!r}", where, ", ".join(["effect", *known])))
    problems += [*_unit_problems(claims, items), *_size_problems(claims, items), *_suggestion_problems(items)]
    return [*problems, *_group_problems(items), *_repetitions(items)]


def _repetitions(items: Sequence[Evidence]) -> list[Problem]:
    """An item counts once; a silence has no identifier, so that a stream has one on each claim and organisation."""
    named = Counter((x.claim, x.group, *_name(x)) for x in items)
    same = "give different observations different identifiers; hand in the same one once"
    quiet = "hand in one silence; several searches as Diagnostics that were not observed, with their dependence"
    return [
        _problem(
            f"{n} × {kind} {name!r}",
            f"{claim} × {group}",
            "one silence for each stream" if kind == "Silence" else "each item once",
            quiet if kind == "Silence" else same,
        )
        for (claim, group, kind, name), n in named.items()
        if n > 1
    ]


def _name(item: Evidence) -> tuple[str, str]:
    return type(item).__name__, item.stream if isinstance(item, Silence) else item.id


def _group_problems(items: Sequence[Evidence]) -> list[Problem]:
    """Organisations whose names differ in blanks alone would be kept apart, unseen in any table."""
    groups = {item.group for item in items}
    remedy = "write the name of an organisation in one way"
    return [
        _problem(f"groups {one.strip()!r} and {one!r}", "evidence", "names that differ in more than blanks", remedy)
        for one in sorted(groups)
        if one != one.strip() and one.strip() in groups
    ]


def _size_problems(claims: Mapping[str, Claim], items: Sequence[Evidence]) -> list[Problem]:
    """Numbers that no effect on the claim's scale can have: nearly always another unit than that of δ."""
    return [
        _problem(
            f"{what} is {number:g}, {abs(number) / unit:.2g} {of}",
            f"{type(item).__name__.lower()} {item.id!r} on {item.claim}",
            expected,
            "check the units of the estimate and of δ",
        )
        for item in items
        if isinstance(item, Estimate | BiasEvidence) and item.claim in claims
        for what, number, unit, of, expected in _impossible(item, claims[item.claim].delta)
    ]


def _impossible(item: Estimate | BiasEvidence, delta: float) -> Iterator[tuple[str, float, float, str, str]]:
    numbers = {"shift": item.shift, "sd": item.sd} if isinstance(item, BiasEvidence) else _numbers(item)
    for what, number in numbers.items():
        if abs(number) / delta > _LARGEST:
            yield what, number, delta, "times δ", f"at most {_LARGEST:.0f} δ"
    if isinstance(item, Estimate):
        if item.std_error / delta < _SMALLEST_ERROR:
            yield "standard error", item.std_error, delta, "times δ", f"at least {_SMALLEST_ERROR:g} δ"
        elif abs(item.value) / item.std_error > _LARGEST:
            expected = f"at most {_LARGEST:.0f} standard errors"
            yield "value", item.value, item.std_error, "standard errors", expected


def _numbers(item: Estimate) -> dict[str, float]:
    terms = {
        f"{what} of bias {term.domain!r}": number
        for term in item.bias
        if term.kind == "additive"
        for what, number in (("mean", term.mean), ("sd", term.sd))
    }
    return {"value": item.value, "standard error": item.std_error, **terms}


def _unit_problems(claims: Mapping[str, Claim], items: Sequence[Evidence]) -> list[Problem]:
    """An estimate in another unit than the claim's scale says nothing on the claim until a scale map translates it."""
    return [
        _problem(
            f"the unit {item.unit!r}",
            f"estimate {item.id!r} on {item.claim}",
            f"the scale of the claim, {claims[item.claim].scale!r}",
            "translate it with a ScaleMap, or hand it in as a Diagnostic",
        )
        for item in items
        if isinstance(item, Estimate) and item.unit and item.claim in claims and item.unit != claims[item.claim].scale
    ]


def _suggestion_problems(items: Sequence[Evidence]) -> list[Problem]:
    diagnostics = [item for item in items if isinstance(item, Diagnostic)]
    found = {item.id for item in diagnostics}
    return [
        _problem(f"diagnostic {one.id!r} was suggested by {one.suggested_by!r}", one.claim, "another diagnostic")
        for one in diagnostics
        if one.suggested_by and (one.suggested_by not in found or one.suggested_by == one.id)
    ]


def _cell_problems(where: str, cell: CellEvidence) -> list[Problem]:
    problems = []
    for one in cell.estimates:
        for term in one.bias:
            problems += _term_problems(f"{where}, estimate {one.id!r}", term)
    for key, terms in shared_terms(cell.estimates).items():
        if len({(t.mean, t.sd, t.mean_range) for _, t in terms}) > 1:
            problems.append(_problem(f"shared bias {key[0]!r} is declared in different ways", where, "one mean and sd"))
    pools: tuple[tuple[Estimate | Diagnostic, ...], ...] = ((*cell.estimates, *cell.diagnostics), cell.rivals)
    for items in pools:
        rhos: dict[str, set[Chance]] = defaultdict(set)
        for item in items:
            rhos[item.dependence].add(item.rho)
        clash = [name for name, values in rhos.items() if name and len(values) > 1]
        remedy = "state the same ρ on all items, or declare a DependenceGroup with the range"
        problems += [
            _problem(f"dependence group {name!r} has several ρ", where, "one ρ for the group", remedy) for name in clash
        ]
    return problems


def _term_problems(where: str, term: BiasTerm) -> list[Problem]:
    if term.mean_range is None:
        return []
    if term.kind == "proportional":
        return [_problem(f"proportional bias {term.domain!r} has a range", where, "ranges of additive biases only")]
    if not term.mean_range[0] <= term.mean <= term.mean_range[1]:
        remedy = "state a mean inside the range"
        return [_problem(f"bias {term.domain!r} has mean {term.mean}", where, f"a mean in {term.mean_range}", remedy)]
    return []


def shared_terms(estimates: Sequence[Estimate]) -> dict[tuple[str, str], list[tuple[int, BiasTerm]]]:
    """Collect the biases that several estimates have in common.

    Parameters
    ----------
    estimates : sequence of Estimate

    Returns
    -------
    dict of (name, kind) to list of (position, BiasTerm)

    Raises
    ------
    AttributeError
        If an item is not an estimate.

    Examples
    --------
    >>> shared_terms([])
    {}
    """
    shared: dict[tuple[str, str], list[tuple[int, BiasTerm]]] = defaultdict(list)
    for i, one in enumerate(estimates):
        for term in one.bias:
            if term.shared:
                shared[term.shared, term.kind].append((i, term))
    return dict(shared)


def use_of_evidence(cells: Sequence[CellEvidence]) -> dict[str, int]:
    """Count what was done with every item.

    Parameters
    ----------
    cells : sequence of CellEvidence

    Returns
    -------
    dict of str to int
        Items by use; uses that begin with ``"not used"`` moved nothing.

    Raises
    ------
    AttributeError
        If a value is not cell evidence.

    Examples
    --------
    >>> use_of_evidence([CellEvidence()])
    {}
    """
    counts: Counter[str] = Counter()
    for cell in cells:
        counts["estimates"] += len(cell.estimates)
        counts["diagnostics on the effect"] += len(cell.diagnostics)
        counts["diagnostics on a rival, kept apart"] += len(cell.rivals)
        present = {one.stream for one in cell.estimates}
        for one in cell.bias:
            unused = "not used: sign of a bias, not seen" if not one.observed else ""
            unused = unused or ("" if one.target_stream in present else "not used: bias of a stream without estimates")
            counts[unused or "bias evidence"] += 1
        for silence in cell.silences:
            counts["searches without a find" if silence in cell.searched else f"not used: {silence.reason}"] += 1
    return {use: n for use, n in counts.items() if n}

"""Items that are not independent: the same respondents, data, coders or funder behind several of them.

Dependence matters within one claim for one organisation, on the effect and on each rival apart. Items hang together if
they carry the same dependence group, if a declared group names both, if the same respondent is behind both, or if one
suggested the other; what hangs together in steps is one group. Estimates of one stream that come from the same source –
an equal ``source_hash`` of their provenance – hang together too, unless they are in a dependence group or name their
respondents.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

from clustereffects.errors import EvidenceError, Problem
from clustereffects.results._evidence_checks import is_chance, set_tuple
from clustereffects.results.evidence import Chance, Diagnostic, Estimate, Evidence

Reason = Literal["same_respondent", "same_dataset", "same_coder", "shared_funder"]
Member: TypeAlias = Estimate | Diagnostic
_Key: TypeAlias = tuple[str, str]

#: Correlation of items that hang together and about which nothing else was said.
UNKNOWN = (0.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DependenceGroup:
    """A declaration that several items are not independent.

    Parameters
    ----------
    id : str
        Name of the group.
    members : tuple of str
        Identifiers of estimates and diagnostics.
    reason : {"same_respondent", "same_dataset", "same_coder", "shared_funder"}
    rho : float or tuple of two floats, optional
        Correlation within the group, or its range. Not given: what the members themselves declare, anything from 0 to 1
        if they declare nothing.
    claim, group : str
        Only members of this claim and this organisation; empty means all.

    Raises
    ------
    EvidenceError
        If the group has no name or no members, the reason is unknown or ``rho`` lies outside [0, 1].

    Examples
    --------
    >>> DependenceGroup(id="register", members=("did", "export"), reason="same_dataset", rho=(0.2, 0.6)).reason
    'same_dataset'
    """

    id: str
    members: tuple[str, ...]
    reason: Reason
    rho: Chance | None = None
    claim: str = ""
    group: str = ""

    def __post_init__(self) -> None:
        listed = isinstance(self.members, list | tuple) and all(isinstance(one, str) for one in self.members)
        found = [
            (isinstance(self.id, str) and bool(self.id.strip()), "a dependence group has no name", "a name"),
            (bool(self.members), "no members", "identifiers of estimates and diagnostics"),
            (listed, f"the members {self.members!r}", "a tuple of identifiers, also for a single one"),
            (self.reason in get_args(Reason), f"the reason {self.reason!r}", "one of " + ", ".join(get_args(Reason))),
            (
                self.rho is None or is_chance(self.rho),
                f"ρ is {self.rho!r}",
                "a probability, or a range lower–upper within 0–1",
            ),
        ]
        problems = [
            _problem(what, self.id, expected, "correct the group") for fine, what, expected in found if not fine
        ]
        if problems:
            raise EvidenceError(problems)
        for name in ("members", "rho"):
            set_tuple(self, name)

    def holds(self, item: Member) -> bool:
        """Whether an item is a member."""
        return item.id in self.members and self.claim in {"", item.claim} and self.group in {"", item.group}


def grouped(evidence: Iterable[Evidence], groups: Iterable[DependenceGroup] = ()) -> tuple[Evidence, ...]:
    """Evidence in which everything that hangs together carries one dependence group and one ρ.

    Parameters
    ----------
    evidence : iterable of Estimate, Diagnostic, BiasEvidence or Silence
    groups : iterable of DependenceGroup
        In addition to what the items say themselves (``dependence``, ``respondents``, ``suggested_by``, and the
        ``source_hash`` of estimates).

    Returns
    -------
    tuple
        The items in their order. Those that are in one dependence group already, and all that stand alone, are unchanged.
        The ρ of a group that was put together is the hull of what its members and the declared groups say, or (0, 1) if
        nobody said anything.

    Raises
    ------
    EvidenceError
        With every member that is no estimate and no diagnostic of the evidence, and every group that is declared twice.

    Notes
    -----
    An estimate and a diagnostic may be in one group, such as a scale and an interview answered by the same person; the
    engine counts both (see ``clustereffects.triangulation.cells.cell_model``). That two claims share respondents does not
    matter here: no claim enters another one's finding.

    Examples
    --------
    >>> about = {"claim": "growth", "group": "K01"}
    >>> scale = Estimate(id="scale", stream="survey", value=0.12, std_error=0.02, respondents=("P-1", "P-2"), **about)
    >>> sign = Diagnostic(id="T01", stream="interviews", observed=True, p_benefit=0.9, p_negligible=0.5, p_harm=0.5,
    ...                   dependence="interviews", rho=0.3, respondents=("P-2",), **about)
    >>> [(item.dependence, item.rho) for item in grouped([scale, sign])]
    [('interviews', 0.3), ('interviews', 0.3)]
    """
    items, declared = tuple(evidence), tuple(groups)
    if problems := declaration_problems(items, declared):
        raise EvidenceError(problems)
    return joined(items, declared)


def joined(evidence: Iterable[Evidence], declared: Sequence[DependenceGroup]) -> tuple[Evidence, ...]:
    """Evidence as ``grouped`` makes it, whatever the declared groups name.

    Parameters
    ----------
    evidence : iterable of Estimate, Diagnostic, BiasEvidence or Silence
    declared : sequence of DependenceGroup

    Returns
    -------
    tuple

    Raises
    ------
    TypeError
        If the evidence cannot be iterated over.

    Examples
    --------
    >>> joined([], [DependenceGroup(id="g", members=("a",), reason="same_coder")])
    ()
    """
    items = list(evidence)
    pools: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for i, item in enumerate(items):
        if isinstance(item, Estimate | Diagnostic):
            pools[item.claim, item.group, "effect" if isinstance(item, Estimate) else item.target].append(i)
    for pool in pools.values():
        members = [item for item in (items[i] for i in pool) if isinstance(item, Estimate | Diagnostic)]
        for i, item in zip(pool, _regrouped(members, declared), strict=True):
            items[i] = item
    return tuple(items)


def _regrouped(members: Sequence[Member], declared: Sequence[DependenceGroup]) -> list[Member]:
    """Items on one effect, or on one rival, of one organisation."""
    result = list(members)
    labels = components([_keys(item, declared) for item in members])
    for number, label in enumerate(dict.fromkeys(labels), start=1):
        part = [i for i, one in enumerate(labels) if one == label]
        own = [group for group in declared if any(group.holds(members[i]) for i in part)]
        names = {members[i].dependence for i in part}
        if len(part) == 1 or (not own and len(names) == 1 and "" not in names):
            continue
        shared = "respondents" if any(members[i].respondents for i in part) else "same source"
        name = " + ".join(sorted({*names, *(group.id for group in own)} - {""})) or f"{shared} {number}"
        rho = _hull([*(members[i].rho for i in part if members[i].dependence), *(group.rho for group in own)])
        for i in part:
            result[i] = replace(members[i], dependence=name, rho=rho)
    return result


def _keys(item: Member, declared: Sequence[DependenceGroup]) -> list[_Key]:
    """Everything through which an item hangs together with others."""
    keys = [("respondent", one) for one in item.respondents]
    keys += [("name", item.dependence)] if item.dependence else []
    keys += [("declared", group.id) for group in declared if group.holds(item)]
    if isinstance(item, Estimate) and not keys and item.provenance and item.provenance.source_hash:
        keys += [("source", f"{item.stream} {item.provenance.source_hash}")]
    if isinstance(item, Diagnostic):
        keys += [("item", item.id), *([("item", item.suggested_by)] if item.suggested_by else [])]
    return keys


def components(keys: Sequence[Sequence[_Key]]) -> list[int]:
    """Which items hang together, directly or in steps.

    Parameters
    ----------
    keys : sequence of sequences of (kind, name)
        Everything through which each item hangs together with others.

    Returns
    -------
    list of int
        A number for each item, the same for items that have a key in common or are joined by others that have
        (union–find).

    Raises
    ------
    TypeError
        If a key cannot be hashed.

    Examples
    --------
    >>> found = components([[("respondent", "A")], [("respondent", "B")], [("respondent", "A"), ("respondent", "C")]])
    >>> found[0] == found[2] != found[1]
    True
    """
    parent = list(range(len(keys)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = i = parent[parent[i]]
        return i

    first: dict[_Key, int] = {}
    for i, own in enumerate(keys):
        for key in own:
            parent[root(i)] = root(first.setdefault(key, i))
    return [root(i) for i in range(len(keys))]


def _hull(chances: Iterable[Chance | None]) -> Chance:
    ends = [_ends(one) for one in chances if one is not None]
    if not ends:
        return UNKNOWN
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    return low if low == high else (low, high)


def declaration_problems(items: Sequence[object], declared: Sequence[DependenceGroup]) -> list[Problem]:
    """What is wrong with declared groups: two of one name, members that are not in the evidence.

    Parameters
    ----------
    items : sequence of evidence
    declared : sequence of DependenceGroup

    Returns
    -------
    list of Problem

    Raises
    ------
    AttributeError
        If a group is no ``DependenceGroup``.

    Examples
    --------
    >>> print(declaration_problems([], [DependenceGroup(id="g", members=("a",), reason="same_coder")])[0].what)
    unknown members: a
    """
    names = [group.id for group in declared]
    problems = [
        _problem("declared twice", name, "every group once", "join the two, or give them different names")
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]
    members = [item for item in items if isinstance(item, Estimate | Diagnostic)]
    for group in declared:
        known = {item.id for item in members if group.holds(item)}
        missing = [name for name in group.members if name not in known]
        if missing:
            what = "unknown members: " + ", ".join(missing)
            problems.append(
                _problem(what, group.id, "estimates and diagnostics of the evidence", "correct the identifiers")
            )
    return problems


def _problem(what: str, name: str, expected: str, remedy: str) -> Problem:
    return Problem(what=what, where=f"dependence group {name!r}", expected=expected, remedy=remedy)


def _ends(chance: Chance) -> tuple[float, float]:
    return chance if isinstance(chance, tuple) else (chance, chance)

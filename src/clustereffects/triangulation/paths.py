"""Does a whole chain of the theory hold? Bounds on paths from activities to outcomes, and their weakest link."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustereffects.errors import NotStoredError, Problem, TheoryError
from clustereffects.triangulation.cell_finding import CellFinding
from clustereffects.triangulation.theory import Theory
from clustereffects.triangulation.verdicts import STATES

FloatArray = NDArray[np.float64]

_MOST = 10_000
_BENEFIT = STATES.index("benefit")
_FRECHET, _PRODUCT = "any dependence", "independent, as declared: {reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkChance:
    """Bounds on the probability that a link of the theory holds for one group.

    Parameters
    ----------
    link, group : str
    lower, upper : float
        Of the probability that at least one claim about the link is true: that the organisation makes a difference for the
        better of at least the smallest effect of interest.
    claims : tuple of str
        Claims about the link.
    note : str
        Why nothing is known, or not from all claims.

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    >>> LinkChance(link="contacts", group="K01", lower=0.0, upper=1.0, claims=(), note="no claim").upper
    1.0
    """

    link: str
    group: str
    lower: float
    upper: float
    claims: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathFinding:
    """Bounds on the probability that every link of a path holds for one group.

    Parameters
    ----------
    group, start, end : str
        Group, activity and outcome.
    links : tuple of str
        From the activity to the outcome.
    lower, upper : float
    weakest : str
        Link with the smallest lower bound, of those the one with the smallest upper bound.
    weakest_lower, weakest_upper : float
    rule : str
        ``"any dependence"``, or that the links were declared independent, with the reason as it was given.
    note : str
        Links about which nothing is known, and why.

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    >>> path = PathFinding(group="K01", start="a", end="c", links=("ab", "bc"), lower=0.5, upper=0.7, weakest="bc",
    ...                    weakest_lower=0.7, weakest_upper=0.7, rule="any dependence")
    >>> path.note
    ''
    """

    group: str
    start: str
    end: str
    links: tuple[str, ...]
    lower: float
    upper: float
    weakest: str
    weakest_lower: float
    weakest_upper: float
    rule: str
    note: str = ""


def all_hold(bounds: FloatArray) -> FloatArray:
    """Bounds on the probability that all of several statements are true, whatever their dependence.

    Parameters
    ----------
    bounds : array, shape (n, 2)
        Lower and upper probability of each statement.

    Returns
    -------
    array, shape (2,)
        ``max(0, Σ lower − n + 1)`` and ``min upper``; nothing sharper is true without an assumption on dependence.

    Raises
    ------
    ValueError
        If there is no statement.

    Notes
    -----
    Fréchet (1935, *Fundamenta Mathematicae* 25: 379–387).

    Examples
    --------
    >>> all_hold(np.array([[0.9, 0.9], [0.8, 0.95]])).round(3).tolist()
    [0.7, 0.9]
    """
    return np.array([max(0.0, float((bounds[:, 0] - 1.0).sum()) + 1.0), bounds[:, 1].min()])


def any_holds(bounds: FloatArray) -> FloatArray:
    """Bounds on the probability that at least one of several statements is true, whatever their dependence.

    Parameters
    ----------
    bounds : array, shape (n, 2)

    Returns
    -------
    array, shape (2,)
        ``max lower`` and ``min(1, Σ upper)``.

    Raises
    ------
    ValueError
        If there is no statement.

    Notes
    -----
    Fréchet (1935, *Fundamenta Mathematicae* 25: 379–387).

    Examples
    --------
    >>> any_holds(np.array([[0.2, 0.3], [0.1, 0.4]])).round(3).tolist()
    [0.2, 0.7]
    """
    return np.array([bounds[:, 0].max(), min(1.0, float(bounds[:, 1].sum()))])


def simple_paths(
    arrows: Sequence[tuple[str, str]], starts: Sequence[str], ends: Sequence[str]
) -> tuple[tuple[int, ...], ...]:
    """Every way along arrows from a start to an end that visits no node twice.

    Parameters
    ----------
    arrows : sequence of (str, str)
        From and to; there may be several between the same nodes, and circles.
    starts, ends : sequence of str

    Returns
    -------
    tuple of tuples of int
        Positions of the arrows, in the order of starts and arrows.

    Raises
    ------
    TheoryError
        If there are more than ten thousand.

    Examples
    --------
    >>> simple_paths([("a", "b"), ("b", "c"), ("a", "c"), ("c", "a")], ["a"], ["c"])
    ((0, 1), (2,))
    """
    outgoing: dict[str, list[int]] = defaultdict(list)
    for i, (start, _) in enumerate(arrows):
        outgoing[start].append(i)
    found: list[tuple[int, ...]] = []
    for start in dict.fromkeys(starts):
        for path in _walk(arrows, outgoing, (start,), ()):
            if arrows[path[-1]][1] in ends:
                found.append(path)
            if len(found) > _MOST:
                raise TheoryError(
                    Problem(
                        what=f"more than {_MOST} paths from activities to outcomes",
                        where="links",
                        expected="a theory whose paths can be read",
                        remedy="leave out links that no claim is about, or split the theory",
                    )
                )
    return tuple(found)


def _walk(
    arrows: Sequence[tuple[str, str]], outgoing: dict[str, list[int]], visited: tuple[str, ...], path: tuple[int, ...]
) -> Iterator[tuple[int, ...]]:
    for i in outgoing[visited[-1]]:
        end = arrows[i][1]
        if end not in visited:
            yield (*path, i)
            yield from _walk(arrows, outgoing, (*visited, end), (*path, i))


def link_chances(theory: Theory, cells: Sequence[CellFinding], group: str) -> tuple[LinkChance, ...]:
    """Bounds on the probability that each link of the theory holds for a group.

    Parameters
    ----------
    theory : Theory
    cells : sequence of CellFinding
    group : str

    Returns
    -------
    tuple of LinkChance
        A link holds if at least one claim about it is true. A link without a claim, and a claim without evidence, may
        have any probability.

    Raises
    ------
    NotStoredError
        If nothing was found for the group.

    Examples
    --------
    >>> theory = Theory.preset("seven_innovation_gaps")
    >>> from clustereffects.results import Silence
    >>> from clustereffects.triangulation import Triangulation
    >>> silence = Silence(claim="turnover_growth", group="K01", stream="economic", reason="missing")
    >>> link_chances(theory, Triangulation(theory).fit([silence]).cells, "K01")[-1].note
    'no evidence on turnover_growth'
    """
    own = {cell.model.claim.id: cell for cell in cells if cell.model.group == group}
    if not own:
        raise NotStoredError(
            Problem(
                what=f"no findings for group {group!r}",
                where="findings",
                expected="one of " + ", ".join(dict.fromkeys(cell.model.group for cell in cells)),
                remedy="use one of these",
            )
        )
    return tuple(_link_chance(theory, link.id, group, own) for link in theory.links)


def _link_chance(theory: Theory, link: str, group: str, own: dict[str, CellFinding]) -> LinkChance:
    claims = tuple(claim.id for claim in theory.claims if claim.link == link)
    speaks = {name: name in own and own[name].verdict != "silent" for name in claims}
    bounds = [own[name].bounds[_BENEFIT] if speaks[name] else np.array([0.0, 1.0]) for name in claims]
    lower, upper = any_holds(np.stack(bounds)).tolist() if claims else (0.0, 1.0)
    silent = [name for name in claims if not speaks[name]]
    note = "no claim" if not claims else f"no evidence on {', '.join(silent)}" if silent else ""
    return LinkChance(link=link, group=group, lower=lower, upper=upper, claims=claims, note=note)


def path_findings(
    theory: Theory, cells: Sequence[CellFinding], group: str, *, independence: str = ""
) -> tuple[PathFinding, ...]:
    """Bounds on the probability that every link of a path holds, for each path from an activity to an outcome.

    Parameters
    ----------
    theory : Theory
    cells : sequence of CellFinding
    group : str
    independence : str
        Reason for which the links hold independently of each other. Only with a reason are probabilities multiplied;
        otherwise the bounds are those for any dependence.

    Returns
    -------
    tuple of PathFinding

    Raises
    ------
    NotStoredError
        If nothing was found for the group.
    TheoryError
        If there are more than ten thousand paths.

    Examples
    --------
    >>> from clustereffects.results import Silence
    >>> from clustereffects.triangulation import Triangulation
    >>> theory = Theory.preset("seven_innovation_gaps")
    >>> silence = Silence(claim="turnover_growth", group="K01", stream="economic", reason="missing")
    >>> paths = path_findings(theory, Triangulation(theory).fit([silence]).cells, "K01")
    >>> len(paths), paths[0].links, paths[0].upper
    (7, ('contacts_research', 'innovation_from_research', 'growth_from_innovation'), 1.0)
    """
    chances = link_chances(theory, cells, group)
    ends = {kind: [node.id for node in theory.nodes if node.kind == kind] for kind in ("activity", "outcome")}
    arrows = [(link.start, link.end) for link in theory.links]
    paths = simple_paths(arrows, ends["activity"], ends["outcome"])
    return tuple(_path_finding(theory, [chances[i] for i in path], independence) for path in paths)


def _path_finding(theory: Theory, chances: Sequence[LinkChance], independence: str) -> PathFinding:
    bounds, reason = np.array([[one.lower, one.upper] for one in chances]), independence.strip()
    lower, upper = (bounds.prod(axis=0) if reason else all_hold(bounds)).tolist()
    weakest = min(chances, key=lambda one: (one.lower, one.upper))
    return PathFinding(
        group=weakest.group,
        start=theory.link(chances[0].link).start,
        end=theory.link(chances[-1].link).end,
        links=tuple(one.link for one in chances),
        lower=lower,
        upper=upper,
        weakest=weakest.link,
        weakest_lower=weakest.lower,
        weakest_upper=weakest.upper,
        rule=_PRODUCT.format(reason=reason) if reason else _FRECHET,
        note="; ".join(f"{one.link}: {one.note}" for one in chances if one.note),
    )

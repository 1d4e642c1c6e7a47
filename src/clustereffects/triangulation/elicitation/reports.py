"""From findings to arrays: which reports on which test were made in organisations with which economic posterior."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustereffects.errors import EvidenceError, Problem
from clustereffects.results.evidence import Chance, Diagnostic
from clustereffects.triangulation.cell_finding import CellFinding
from clustereffects.triangulation.elicitation.latent import ReportsOnTest
from clustereffects.triangulation.posterior import stream_alone

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Material:
    """What tests are calibrated on.

    Parameters
    ----------
    names : tuple of str
        Tests.
    reports : tuple of ReportsOnTest
        Their reports; ``organisation`` counts cells (claim × organisation).
    judged : tuple of array, each of shape (reports, 3)
        Elicited probability of the sign under harm, negligible effect and benefit, of every report.
    state : array, shape (cells, 3)
        Probability of each state from the anchoring stream alone.
    group : tuple of str
        Organisation of each cell.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Material(names=(), reports=(), judged=(), state=np.zeros((0, 3)), group=()).names
    ()
    """

    names: tuple[str, ...]
    reports: tuple[ReportsOnTest, ...]
    judged: tuple[FloatArray, ...]
    state: FloatArray
    group: tuple[str, ...]

    def organisations(self, test: int) -> int:
        """Number of organisations with reports on a test."""
        return len({self.group[cell] for cell in self.reports[test].organisation})


def calibration_material(cells: Sequence[CellFinding], anchor: str) -> Material:
    """Reports of all cells in which the anchoring stream speaks.

    Parameters
    ----------
    cells : sequence of CellFinding
    anchor : str
        Stream whose posterior stands for the state; its own items are not calibrated.

    Returns
    -------
    Material

    Raises
    ------
    EvidenceError
        If no cell has both the anchoring stream and a diagnostic with a registered test from another one.

    Examples
    --------
    >>> calibration_material([], "economic")
    Traceback (most recent call last):
    clustereffects.errors.EvidenceError: no test can be calibrated ...
    """
    used = [cell for cell in cells if anchor in cell.model.streams and _tested(cell, anchor)]
    if not used:
        what = f"no test can be calibrated: no claim has the stream {anchor!r} and a registered test from another one"
        raise EvidenceError(
            Problem(what=what, where=f"{len(cells)} cells", expected="both", remedy="give diagnostics their test")
        )
    state = np.array([stream_alone(cell.model, cell.model.streams.index(anchor))[0] for cell in used])
    items: dict[str, list[tuple[int, Diagnostic]]] = defaultdict(list)
    for position, cell in enumerate(used):
        for one in _tested(cell, anchor):
            items[one.test].append((position, one))
    names = tuple(sorted(items))
    judged = tuple(np.array([_judged(one) for _, one in items[name]]) for name in names)
    return Material(
        names=names,
        reports=tuple(_reports(items[name], chances, state) for name, chances in zip(names, judged, strict=True)),
        judged=judged,
        state=state,
        group=tuple(cell.model.group for cell in used),
    )


def _tested(cell: CellFinding, anchor: str) -> list[Diagnostic]:
    return [one for one in cell.evidence.diagnostics if one.test and one.stream != anchor]


def _judged(item: Diagnostic) -> list[float]:
    return [middle(chance) for chance in (item.p_harm, item.p_negligible, item.p_benefit)]


def _reports(items: Sequence[tuple[int, Diagnostic]], judged: FloatArray, state: FloatArray) -> ReportsOnTest:
    organisation = np.array([position for position, _ in items], dtype=np.intp)
    count = Counter(organisation.tolist())
    size = np.array([count[position] for position in organisation.tolist()], dtype=np.float64)
    rho = np.array([middle(one.rho) for _, one in items])
    share = state[organisation, :2]
    without = float((share * judged[:, :2]).sum() / share.sum()) if share.sum() > 0 else float(judged[:, 1].mean())
    return ReportsOnTest(
        organisation=organisation,
        observed=np.array([one.observed for _, one in items]),
        unreliability=np.array([one.unreliability for _, one in items]),
        noise=np.array([one.noise for _, one in items]),
        weight=1 / (1 + (size - 1) * rho),
        elicited=(float(judged[:, 2].mean()), without),
    )


def middle(chance: Chance) -> float:
    """Middle of a range, or the number itself.

    Parameters
    ----------
    chance : float or tuple of two floats

    Returns
    -------
    float

    Raises
    ------
    TypeError
        If it is not a number.

    Examples
    --------
    >>> middle((0.4, 0.6)), middle(0.3)
    (0.5, 0.3)
    """
    return sum(chance) / 2 if isinstance(chance, tuple) else chance

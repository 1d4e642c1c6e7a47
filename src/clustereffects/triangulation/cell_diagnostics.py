"""From the diagnostics of a cell to the arrays of the engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clustereffects.results.evidence import Diagnostic
from clustereffects.triangulation.blocks import Blocks, ends, shares
from clustereffects.triangulation.likelihoods import DiagnosticArrays, Reports, log_likelihoods
from clustereffects.triangulation.sorting import CellEvidence

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]


def searches(cell: CellEvidence) -> list[Diagnostic]:
    """Searches without a find, as diagnostics that were not seen; without an effect only a false find was possible.

    Parameters
    ----------
    cell : CellEvidence

    Returns
    -------
    list of Diagnostic

    Raises
    ------
    EvidenceError
        If a chance of detection is not a probability.

    Examples
    --------
    >>> searches(CellEvidence())
    []
    """
    return [
        Diagnostic(
            id=f"search {i}: {one.stream}",
            claim=one.claim,
            group=one.group,
            stream=one.stream,
            observed=False,
            p_benefit=one.p_detect,
            p_negligible=one.p_false,
            p_harm=one.p_false,
        )
        for i, one in enumerate(cell.searched, 1)
    ]


def item_reports(items: Sequence[Diagnostic], block: IntArray) -> tuple[Reports, IntArray]:
    """Reports on the tests of a cell.

    Parameters
    ----------
    items : sequence of Diagnostic
    block : array of int, shape (n,)
        Dependence group of each item.

    Returns
    -------
    reports : Reports
    first : array of int, shape (tests,)
        First item of each test; items of one test share stream, dependence group and probabilities, and items without a
        test stand alone.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> item_reports([], np.zeros(0, int))[1].tolist()
    []
    """
    test, first = _tests(items, block)
    chance = np.array([[ends(p) for p in (x.p_harm, x.p_negligible, x.p_benefit)] for x in items]).reshape(-1, 3, 2)
    return _reports(items, chance, test), first


def diagnostic_arrays(
    items: Sequence[Diagnostic], reports: Reports, first: IntArray, blocks: Blocks, streams: Sequence[str]
) -> DiagnosticArrays:
    """Diagnostics of a cell as arrays.

    Parameters
    ----------
    items : sequence of Diagnostic
    reports, first : Reports and array
        From ``item_reports``.
    blocks : Blocks
        Dependence groups; the items are its last members.
    streams : sequence of str

    Returns
    -------
    DiagnosticArrays

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> from clustereffects.triangulation.blocks import dependence_blocks
    >>> reports, first = item_reports([], np.zeros(0, int))
    >>> diagnostic_arrays([], reports, first, dependence_blocks([], [], ()), ()).low.shape
    (0, 3)
    """
    low, middle, high = log_likelihoods(reports)
    block = blocks.member[blocks.member.size - len(items) :]
    counted = blocks.informative[blocks.member.size - len(items) :]
    return DiagnosticArrays(
        low=low,
        middle=middle,
        high=high,
        stream=np.array([streams.index(x.stream) for x in items], dtype=np.intp)[first],
        block=block[first],
        rho_low=blocks.rho_low,
        rho=blocks.rho,
        rho_high=blocks.rho_high,
        count=blocks.count,
        informative=np.bincount(reports.test, counted, first.size).astype(np.float64),
    )


def _tests(items: Sequence[Diagnostic], block: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Test of each item, and the first item of each test; items without a test stand alone."""
    names: dict[tuple[object, ...], int] = {}
    test, first = [], []
    for i, x in enumerate(items):
        same = (x.test, x.stream, block[i], x.p_benefit, x.p_negligible, x.p_harm) if x.test else (i,)
        if same not in names:
            first.append(i)
        test.append(names.setdefault(same, len(names)))
    return np.array(test, dtype=np.intp), np.array(first, dtype=np.intp)


def _reports(items: Sequence[Diagnostic], chance: FloatArray, test: NDArray[np.intp]) -> Reports:
    def column(name: str) -> NDArray[Any]:
        return np.array([getattr(item, name) for item in items])

    return Reports(
        chance=chance,
        observed=column("observed").astype(bool),
        unreliability=column("unreliability").astype(np.float64),
        noise=column("noise").astype(np.float64),
        test=test,
        weight=shares(items),
    )

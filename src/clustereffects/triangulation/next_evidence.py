"""Which further evidence would tell most: more reports, more data, a negative control, a narrower judgement."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.results.evidence import BiasTerm, Chance, Diagnostic, Estimate
from clustereffects.triangulation.cell_finding import CellFinding
from clustereffects.triangulation.cells import cell_model
from clustereffects.triangulation.information import Preview, preview_component, preview_pair, preview_sign
from clustereffects.triangulation.likelihoods import contaminated
from clustereffects.triangulation.options import Thresholds
from clustereffects.triangulation.sensitivity import cell_bounds, scenarios
from clustereffects.triangulation.sorting import CellEvidence
from clustereffects.triangulation.verdicts import decide, verdict

NEXT_COLUMNS = ("claim", "group", "kind", "item", "reduction", "share", "p_decided", "p_changes", "bounds_width")
FloatArray = NDArray[np.float64]

_UNDECIDED = {"undecided", "withheld"}
_Test: TypeAlias = tuple[str, str, str]


def next_evidence_table(cells: Sequence[CellFinding], thresholds: Thresholds) -> pd.DataFrame:
    """Rank further evidence by what it can be expected to tell about benefit.

    Parameters
    ----------
    cells : sequence of CellFinding
    thresholds : Thresholds

    Returns
    -------
    DataFrame
        One row for each cell and possible item. ``reduction`` is the expected reduction of the variance p(1 − p) of
        whether there is benefit and ``share`` its share of that variance; ``p_decided`` the chance that a state then
        reaches its threshold, ``p_changes`` that the verdict changes, both at the centre of all ranges; ``bounds_width``
        the width of the bounds on benefit, which only narrower judgements change here. The rows with the largest
        reduction come first.

    Raises
    ------
    EstimationError
        If the integration does not converge.

    Notes
    -----
    Expected value of sample information for a decision with quadratic loss (Raiffa & Schlaifer 1961, *Applied
    Statistical Decision Theory*, chapter 4), under the declared model. Kinds: *report*, one more report on a test that
    was put to anybody on this claim, computed by adding it, where it depends on others, both as seen and as not seen;
    *data*, data of the same design that halve a standard error; *negative control*, which halves the standard
    deviation of a bias; *judgement*, a range narrowed to its centre, which moves the bounds only. Costs are not known
    here, so a large reduction is not yet a recommendation.

    Examples
    --------
    >>> next_evidence_table([], Thresholds()).columns.tolist()[:4]
    ['claim', 'group', 'kind', 'item']
    """
    tests: dict[str, dict[_Test, Diagnostic]] = {}
    for cell in cells:
        for item in cell.evidence.diagnostics:
            if item.test:
                tests.setdefault(item.claim, {}).setdefault(_test(item), item)
    rows = [row for cell in cells for row in _cell_rows(cell, tests.get(cell.model.claim.id, {}), thresholds)]
    table = pd.DataFrame(rows, columns=list(NEXT_COLUMNS))
    order = ["reduction", "p_decided", "bounds_width"]
    return table.sort_values(order, ascending=[False, False, True], kind="stable", ignore_index=True)


def _test(item: Diagnostic) -> _Test:
    return item.claim, item.stream, item.test or item.id


def _cell_rows(cell: CellFinding, known: dict[_Test, Diagnostic], thresholds: Thresholds) -> Iterator[dict[str, Any]]:
    now = int(decide(cell.posterior.probability, thresholds)[0])
    width = float(cell.bounds[2, 1] - cell.bounds[2, 0])
    for kind, name, preview in (*_reports(cell, known), *_data(cell), *_controls(cell)):
        yield {
            **cell.key,
            "kind": kind,
            "item": name,
            "reduction": preview.reduction,
            "share": preview.share,
            "p_decided": preview.decided(thresholds),
            "p_changes": preview.changed(thresholds, now),
            "bounds_width": width,
        }
    for name, evidence in _narrower(cell.evidence):
        yield {**cell.key, "kind": "judgement", "item": name, **_narrowed(cell, evidence, thresholds)}


def _reports(cell: CellFinding, known: dict[_Test, Diagnostic]) -> Iterator[tuple[str, str, Preview]]:
    own = {_test(item): item for item in cell.evidence.diagnostics}
    for key, item in ({**known, **own}).items():
        yield "report", f"{key[1]}: {key[2]}", _reported(cell, _one_more(cell.evidence, item))


def _reported(cell: CellFinding, item: Diagnostic) -> Preview:
    now = cell.posterior.probability[0]
    chance = np.array([[_centre(p) for p in (item.p_harm, item.p_negligible, item.p_benefit)]])
    epsilon, noise = np.array([item.unreliability]), np.array([item.noise])
    seen = contaminated(chance, np.array([True]), epsilon, noise)[0]
    if not item.dependence or 0 in (now @ seen, now @ (1 - seen)):
        return preview_sign(now, seen)
    return preview_pair(now, _after(cell, replace(item, observed=True)), _after(cell, replace(item, observed=False)))


def _after(cell: CellFinding, item: Diagnostic) -> FloatArray:
    model, known = cell.model, cell.evidence
    evidence = replace(known, diagnostics=(*known.diagnostics, item))
    return np.asarray(scenarios(cell_model(model.claim, model.group, evidence, model.prior)).probability[0])


def _one_more(evidence: CellEvidence, item: Diagnostic) -> Diagnostic:
    """A further report on a test, by somebody new, in the dependence group that such reports have."""
    same = [one for one in evidence.diagnostics if _test(one) == _test(item)]
    others = same or [one for one in evidence.diagnostics if one.stream == item.stream]
    names = [one.dependence for one in others if one.dependence]
    name = max(sorted(set(names)), key=names.count) if names else ""
    rho = next((one.rho for one in others if one.dependence == name), item.rho)
    return replace(item, id="\0one more", dependence=name, rho=rho, respondents=(), suggested_by="")


def _centre(chance: Chance) -> float:
    return sum(chance) / 2 if isinstance(chance, tuple) else chance


def _data(cell: CellFinding) -> Iterator[tuple[str, str, Preview]]:
    for i, one in enumerate(cell.evidence.estimates):
        precise = replace(one, std_error=one.std_error / 2)
        yield "data", f"{one.stream}: {one.id}", _learned(cell, _with(cell.evidence, i, precise))


def _with(evidence: CellEvidence, i: int, estimate: Estimate) -> CellEvidence:
    estimates = evidence.estimates
    return replace(evidence, estimates=(*estimates[:i], estimate, *estimates[i + 1 :]))


def _learned(cell: CellFinding, evidence: CellEvidence) -> Preview:
    model = cell.model
    later = cell_model(model.claim, model.group, evidence, model.prior)
    return preview_component(model, later.estimates.covariance)


def _controls(cell: CellFinding) -> Iterator[tuple[str, str, Preview]]:
    def halved(term: BiasTerm) -> BiasTerm:
        return replace(term, sd=term.sd / 2)

    for name, chosen in _terms(cell.evidence, lambda term: term.kind == "additive" and term.sd > 0):
        yield "negative control", name, _learned(cell, _changed(cell.evidence, chosen, halved))


_Chosen: TypeAlias = Callable[[Estimate, BiasTerm], bool]
_Wanted: TypeAlias = Callable[[BiasTerm], bool]


def _terms(evidence: CellEvidence, wanted: _Wanted) -> Iterator[tuple[str, _Chosen]]:
    """Biases that are wanted, each once, with the rule that finds them again; a shared bias is one."""
    found = ((one, term) for one in evidence.estimates for term in one.bias if wanted(term))
    named = {_key(one, term): _label(one, term) for one, term in found}
    for key, label in named.items():
        yield label, partial(_is, key, wanted)


def _key(one: Estimate, term: BiasTerm) -> tuple[str, str]:
    return ("", term.shared) if term.shared else (one.id, term.domain)


def _label(one: Estimate, term: BiasTerm) -> str:
    return f"shared: {term.domain}" if term.shared else f"{one.stream}: {one.id}, {term.domain}"


def _is(key: tuple[str, str], wanted: _Wanted, one: Estimate, term: BiasTerm) -> bool:
    return _key(one, term) == key and wanted(term)


def _changed(evidence: CellEvidence, chosen: _Chosen, change: Callable[[BiasTerm], BiasTerm]) -> CellEvidence:
    estimates = tuple(
        replace(one, bias=tuple(change(term) if chosen(one, term) else term for term in one.bias))
        for one in evidence.estimates
    )
    return replace(evidence, estimates=estimates)


def _narrower(evidence: CellEvidence) -> Iterator[tuple[str, CellEvidence]]:
    def narrowed(term: BiasTerm) -> BiasTerm:
        return replace(term, mean_range=None)

    for name, chosen in _terms(evidence, lambda term: term.mean_range is not None):
        yield f"mean of {name}", _changed(evidence, chosen, narrowed)
    for key in dict.fromkeys(_test(one) for one in evidence.diagnostics if _ranged(one)):
        changed = (_certain(one) if _test(one) == key else one for one in evidence.diagnostics)
        yield f"probabilities of {key[2]}", replace(evidence, diagnostics=tuple(changed))
    items: list[Estimate | Diagnostic] = [*evidence.estimates, *evidence.diagnostics]
    for name in dict.fromkeys(one.dependence for one in items if isinstance(one.rho, tuple) and one.dependence):
        yield f"correlation within {name}", _one_rho(evidence, name)


def _ranged(item: Diagnostic) -> bool:
    return any(isinstance(p, tuple) for p in (item.p_benefit, item.p_negligible, item.p_harm))


def _certain(item: Diagnostic) -> Diagnostic:
    return replace(
        item,
        p_benefit=_centre(item.p_benefit),
        p_negligible=_centre(item.p_negligible),
        p_harm=_centre(item.p_harm),
    )


def _one_rho(evidence: CellEvidence, name: str) -> CellEvidence:
    return replace(
        evidence,
        estimates=tuple(replace(x, rho=_centre(x.rho)) if x.dependence == name else x for x in evidence.estimates),
        diagnostics=tuple(replace(x, rho=_centre(x.rho)) if x.dependence == name else x for x in evidence.diagnostics),
    )


def _narrowed(cell: CellFinding, evidence: CellEvidence, thresholds: Thresholds) -> dict[str, float]:
    model = cell_model(cell.model.claim, cell.model.group, evidence, cell.model.prior)
    posterior = scenarios(model)
    bounds = cell_bounds(model, posterior)
    later = verdict(posterior.probability[0], bounds, thresholds)
    width = float(bounds[2, 1] - bounds[2, 0])
    chances = {"p_decided": float(later not in _UNDECIDED), "p_changes": float(later != cell.verdict)}
    return {"reduction": 0.0, "share": 0.0, **chances, "bounds_width": width}

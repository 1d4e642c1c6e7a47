"""Tables of what a verdict was tested against."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pandas as pd

from clustereffects.triangulation._tables import PROBABILITIES
from clustereffects.triangulation.cell_finding import CellFinding
from clustereffects.triangulation.options import Thresholds
from clustereffects.triangulation.sensitivity import rho_sweep
from clustereffects.triangulation.tipping import tipping_points
from clustereffects.triangulation.verdicts import class_word, decide

_TIP_COLUMNS = ("quantity", "stream", "current", "tips_at", "verdict", "becomes")


def left_out_table(cells: Iterable[CellFinding]) -> pd.DataFrame:
    """Posterior without each stream, each dependence group and each item in turn."""
    rows = [
        {
            **cell.key,
            "kind": one.kind,
            "left_out": one.name,
            "verdict": one.verdict,
            **dict(zip(PROBABILITIES, one.probability, strict=True)),
            "mean": one.mean,
            "sd": one.sd,
            "flips": one.flips,
        }
        for cell in cells
        for one in cell.left_out
    ]
    names = ["claim", "group", "kind", "left_out", "verdict", *PROBABILITIES, "mean", "sd", "flips"]
    return pd.DataFrame(rows, columns=names)


def tipping_table(cells: Iterable[CellFinding], thresholds: Thresholds, threshold: float | None) -> pd.DataFrame:
    """Changes of one input that change the verdict, at the thresholds of the verdicts or one for all states."""
    rows = []
    for cell in cells:
        tips = cell.tips if threshold is None else tipping_points(cell.model, _at(thresholds, threshold))
        rows += [{**cell.key, **{name: getattr(tip, name) for name in _TIP_COLUMNS}} for tip in tips]
    return pd.DataFrame(rows, columns=["claim", "group", *_TIP_COLUMNS])


def _at(thresholds: Thresholds, threshold: float) -> Thresholds:
    firm = max(threshold, thresholds.firm)
    return replace(thresholds, benefit=threshold, negligible=threshold, harm=threshold, firm=firm)


def rho_table(cells: Iterable[CellFinding], thresholds: Thresholds) -> pd.DataFrame:
    """Probabilities as the correlation within all dependence groups goes from 0 to 1."""
    rows = []
    for cell in cells:
        for rho, probability in rho_sweep(cell.model):
            word = class_word(int(decide(probability[None, :], thresholds)[0]))
            values = dict(zip(PROBABILITIES, probability, strict=True))
            rows.append({**cell.key, "rho": rho, "verdict": word, **values})
    return pd.DataFrame(rows, columns=["claim", "group", "rho", "verdict", *PROBABILITIES])


def sensitivity_table(cells: Sequence[CellFinding], thresholds: Thresholds) -> pd.DataFrame:
    """One row for each test of a verdict: streams left out, biases, powers, ρ."""
    tips = tipping_table(cells, thresholds, None).rename(columns={"stream": "input", "tips_at": "value"})
    tips["verdict"], tips["test"] = tips["becomes"], "tipping " + tips["quantity"]
    left = left_out_table(cells).rename(columns={"left_out": "input"}).assign(value=0.0)
    left["test"] = left["kind"] + " left out"
    parts = [
        left,
        tips,
        rho_table(cells, thresholds).rename(columns={"rho": "value"}).assign(test="dependence", input="rho"),
    ]
    names = ["claim", "group", "test", "input", "value", "verdict", "flips", "robust"]
    table = pd.concat([part.reindex(columns=names[:6]) for part in parts if len(part)] or [pd.DataFrame()])
    table = table.reindex(columns=names).reset_index(drop=True)
    known = {tuple(cell.key.values()): cell for cell in cells}
    own = [known[key] for key in zip(table["claim"], table["group"], strict=True)]
    now = [class_word(int(decide(cell.posterior.probability, thresholds)[0])) for cell in own]
    table["flips"] = [bool(word) and word != at for word, at in zip(table["verdict"], now, strict=True)]
    table["robust"] = [cell.robust for cell in own]
    return table


def weights_table(cells: Iterable[CellFinding]) -> pd.DataFrame:
    """Share of the space of stream weights that leads to each verdict, and the weights at its centre."""
    rows = [
        {**cell.key, "verdict": one.verdict, "share": one.share, "stream": stream, "central_weight": weight}
        for cell in cells
        for one in cell.smaa
        for stream, weight in one.central
    ]
    return pd.DataFrame(rows, columns=["claim", "group", "verdict", "share", "stream", "central_weight"])


def multiverse_table(cells: Iterable[CellFinding]) -> pd.DataFrame:
    """Verdict under every combination of reasonable settings, and the share of them with the verdict of the declared one."""
    rows = [
        {**cell.key, **row, "same": cell.multiverse.same}
        for cell in cells
        if cell.multiverse is not None
        for row in cell.multiverse.rows()
    ]
    settings = ["prior_width", "wide_weight", "rho", "unreliability", "likelihood"]
    return pd.DataFrame(rows, columns=["claim", "group", *settings, *PROBABILITIES, "verdict", "same"])


def reach_table(cells: Iterable[CellFinding]) -> pd.DataFrame:
    """Largest probability of each state that infinitely precise estimates of the same streams could give."""
    names = ["state", "largest", "at", "threshold", "possible"]
    rows = [{**cell.key, **{name: getattr(one, name) for name in names}} for cell in cells for one in cell.reach]
    return pd.DataFrame(rows, columns=["claim", "group", *names])

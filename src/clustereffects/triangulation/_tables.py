"""Tables of the findings: verdicts, bounds, effects, rivals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from clustereffects.triangulation.borrowed import what_was_borrowed
from clustereffects.triangulation.cell_finding import CellFinding
from clustereffects.triangulation.cells import rival_support
from clustereffects.triangulation.likelihoods import odds_words
from clustereffects.triangulation.options import Thresholds
from clustereffects.triangulation.posterior import posterior_curve
from clustereffects.triangulation.sentences import Language, tipping_sentence
from clustereffects.triangulation.verdicts import STATES

PROBABILITIES = ("p_harm", "p_negligible", "p_benefit")
VERDICT_COLUMNS = ("claim", "group", "verdict", "lower", "upper", "p_benefit", "p_negligible", "p_harm", "tipping")


def verdict_row(cell: CellFinding, thresholds: Thresholds, language: Language) -> dict[str, Any]:
    """Row of the table of verdicts; probabilities are empty where the verdict is withheld or silent."""
    silent = cell.verdict == "silent"
    hidden = silent or cell.verdict == "withheld"
    return {
        **cell.key,
        "verdict": cell.verdict,
        "lower": np.nan if silent else cell.bounds[2, 0],
        "upper": np.nan if silent else cell.bounds[2, 1],
        **dict(zip(PROBABILITIES, np.where(hidden, np.nan, cell.posterior.probability[0]), strict=True)),
        "tipping": tipping_sentence(cell.reasons(thresholds), language),
    }


def bounds_table(cells: Iterable[CellFinding]) -> pd.DataFrame:
    """Lower and upper probability of every state of each cell."""
    rows = [
        {**cell.key, "state": state, "lower": low, "upper": high}
        for cell in cells
        for state, (low, high) in zip(STATES, cell.bounds, strict=True)
    ]
    return pd.DataFrame(rows, columns=["claim", "group", "state", "lower", "upper"])


def effects_table(cells: Iterable[CellFinding], level: float) -> pd.DataFrame:
    """Posterior mean, standard deviation and credible interval of each effect."""
    rows = []
    for cell in cells:
        curve = posterior_curve(cell.model)
        low, high = curve.interval(level)
        row = {"mean": curve.mean, "sd": curve.sd, "conf_low": low, "conf_high": high, "level": level}
        rows.append({**cell.key, **row})
    return pd.DataFrame(rows, columns=["claim", "group", "mean", "sd", "conf_low", "conf_high", "level"])


def rivals_table(cells: Iterable[CellFinding]) -> pd.DataFrame:
    """Likelihood ratio of each rival explanation against the claim."""
    rows = []
    for cell in cells:
        for target in dict.fromkeys(one.target for one in cell.evidence.rivals):
            items = [one for one in cell.evidence.rivals if one.target == target]
            ratio, low, high = rival_support(items)
            counts = {"items": len(items), "seen": sum(one.observed for one in items)}
            found = {"likelihood_ratio": ratio, "lower": low, "upper": high, "words": odds_words(ratio)}
            rows.append({**cell.key, "rival": target.removeprefix("rival:"), **counts, **found})
    names = ["claim", "group", "rival", "items", "seen", "likelihood_ratio", "lower", "upper", "words"]
    return pd.DataFrame(rows, columns=names)


def borrowed_table(cells: Iterable[CellFinding]) -> pd.DataFrame:
    """Prior from the other organisations, and the weight of its robust part before and after the own evidence."""
    found = [(cell, what_was_borrowed(cell.model)) for cell in cells]
    rows = [
        {
            **cell.key,
            "prior_mean": one.mean,
            "prior_sd": one.sd,
            "robust_before": one.robust_before,
            "robust_after": one.robust_after,
            "p_benefit_alone": one.alone[2],
        }
        for cell, one in found
        if one is not None
    ]
    names = ("prior_mean", "prior_sd", "robust_before", "robust_after", "p_benefit_alone")
    return pd.DataFrame(rows, columns=["claim", "group", *names])

"""What the triangulation found: verdicts, posteriors, and everything a verdict hangs on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from clustereffects.data import SampleAccount
from clustereffects.errors import NotStoredError, Problem
from clustereffects.results import draw
from clustereffects.triangulation.audit import audit_record, write_record
from clustereffects.triangulation.cell_finding import CellFinding
from clustereffects.triangulation.cells import rival_support
from clustereffects.triangulation.convergence import convergence_codes, node_splits
from clustereffects.triangulation.likelihoods import odds_words
from clustereffects.triangulation.options import Prior, Thresholds
from clustereffects.triangulation.posterior import Posterior, posterior_curve
from clustereffects.triangulation.sensitivity import rho_sweep
from clustereffects.triangulation.sentences import Language, tipping_sentence
from clustereffects.triangulation.sorting import use_of_evidence
from clustereffects.triangulation.theory import Theory
from clustereffects.triangulation.tipping import tipping_points
from clustereffects.triangulation.verdicts import STATES, class_word, decide

VERDICT_COLUMNS = ("claim", "group", "verdict", "lower", "upper", "p_benefit", "p_negligible", "p_harm", "tipping")
_PROBABILITIES = ("p_harm", "p_negligible", "p_benefit")


@dataclass(frozen=True, kw_only=True, eq=False)
class Findings:
    """Findings on every claim for every organisation; made by ``Triangulation``.

    Parameters
    ----------
    theory : Theory
    thresholds : Thresholds
    priors : tuple of (str, Prior)
        Prior of each claim.
    cells : tuple of CellFinding
        In the order of the theory's claims, then of the groups.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> from clustereffects.results import Estimate
    >>> from clustereffects.triangulation import Theory, Triangulation
    >>> theory = Theory.from_dict({"nodes": {"a": {"kind": "activity"}, "b": {"kind": "outcome"}},
    ...     "links": {"ab": {"from": "a", "to": "b"}}, "rivals": {"boom": {}},
    ...     "claims": {"growth": {"outcome": "y", "scale": "log", "horizon": 3, "delta": 0.01, "rivals": ["boom"],
    ...                           "link": "ab"}}})
    >>> item = Estimate(id="did", claim="growth", group="K01", stream="economic", value=0.09, std_error=0.02)
    >>> Triangulation(theory).fit([item]).verdicts()["verdict"].tolist()
    ['beneficial']
    """

    theory: Theory
    thresholds: Thresholds
    priors: tuple[tuple[str, Prior], ...]
    cells: tuple[CellFinding, ...]

    def __repr__(self) -> str:
        counts = self.verdicts()["verdict"].value_counts()
        return f"<Findings: {len(self.cells)} cells; " + ", ".join(f"{n} {word}" for word, n in counts.items()) + ">"

    def verdicts(self, language: Language = "en") -> pd.DataFrame:
        """Verdict for each claim and group, with bounds on the probability of benefit and the tipping sentence.

        Probabilities are empty where the verdict is withheld (the bounds contain a threshold) or silent.
        """
        return pd.DataFrame([self._verdict_row(cell, language) for cell in self.cells], columns=list(VERDICT_COLUMNS))

    def _verdict_row(self, cell: CellFinding, language: Language) -> dict[str, Any]:
        silent = cell.verdict == "silent"
        hidden = silent or cell.verdict == "withheld"
        return {
            **cell.key,
            "verdict": cell.verdict,
            "lower": np.nan if silent else cell.bounds[2, 0],
            "upper": np.nan if silent else cell.bounds[2, 1],
            **dict(zip(_PROBABILITIES, np.where(hidden, np.nan, cell.posterior.probability[0]), strict=True)),
            "tipping": tipping_sentence(cell.reasons(self.thresholds), language),
        }

    def _speaking(self) -> Iterator[CellFinding]:
        return (cell for cell in self.cells if cell.verdict != "silent")

    def cell(self, claim: str, group: str) -> CellFinding:
        """Everything on one claim for one group."""
        found = {(cell.model.claim.id, cell.model.group): cell for cell in self.cells}
        if (claim, group) not in found:
            raise NotStoredError(
                Problem(
                    what=f"no finding on claim {claim!r} for group {group!r}",
                    where="findings",
                    expected=f"claims {', '.join(dict.fromkeys(c for c, _ in found))}; "
                    f"groups {', '.join(dict.fromkeys(g for _, g in found))}",
                    remedy="use one of these",
                )
            )
        return found[claim, group]

    def posterior(self, claim: str, group: str) -> Posterior:
        """Posterior distribution at the centre of all ranges, also where the verdict is withheld."""
        return posterior_curve(self.cell(claim, group).model)

    def bounds(self) -> pd.DataFrame:
        """Lower and upper probability of every state over all declared ranges."""
        rows = [
            {**cell.key, "state": state, "lower": low, "upper": high}
            for cell in self._speaking()
            for state, (low, high) in zip(STATES, cell.bounds, strict=True)
        ]
        return pd.DataFrame(rows, columns=["claim", "group", "state", "lower", "upper"])

    def effects(self, level: float = 0.95) -> pd.DataFrame:
        """Posterior mean, standard deviation and credible interval of each effect, in units of its claim."""
        rows = []
        for cell in self._speaking():
            curve = posterior_curve(cell.model)
            low, high = curve.interval(level)
            row = {"mean": curve.mean, "sd": curve.sd, "conf_low": low, "conf_high": high, "level": level}
            rows.append({**cell.key, **row})
        return pd.DataFrame(rows, columns=["claim", "group", "mean", "sd", "conf_low", "conf_high", "level"])

    def leave_one_out(self) -> pd.DataFrame:
        """Posterior without each stream, each dependence group and each item in turn."""
        rows = [
            {
                **cell.key,
                "kind": one.kind,
                "left_out": one.name,
                "verdict": one.verdict,
                **dict(zip(_PROBABILITIES, one.probability, strict=True)),
                "mean": one.mean,
                "sd": one.sd,
                "flips": one.flips,
            }
            for cell in self._speaking()
            for one in cell.left_out
        ]
        names = ["claim", "group", "kind", "left_out", "verdict", *_PROBABILITIES, "mean", "sd", "flips"]
        return pd.DataFrame(rows, columns=names)

    def tipping(self, threshold: float | None = None) -> pd.DataFrame:
        """Smallest bias and largest power of each stream that change the verdict, at one threshold for all states.

        ``tips_at`` is NaN where nothing within reach does. Without a threshold those of the verdicts apply.
        """
        rows = []
        for cell in self._speaking():
            tips = cell.tips if threshold is None else tipping_points(cell.model, self._at(threshold))
            rows += [{**cell.key, **{name: getattr(tip, name) for name in _TIP_COLUMNS}} for tip in tips]
        return pd.DataFrame(rows, columns=["claim", "group", *_TIP_COLUMNS])

    def _at(self, threshold: float) -> Thresholds:
        firm = max(threshold, self.thresholds.firm)
        return replace(self.thresholds, benefit=threshold, negligible=threshold, harm=threshold, firm=firm)

    def rho_sweep(self) -> pd.DataFrame:
        """Probabilities as the correlation within all dependence groups of diagnostics goes from 0 to 1."""
        rows = []
        for cell in self._speaking():
            for rho, probability in rho_sweep(cell.model):
                word = class_word(int(decide(probability[None, :], self.thresholds)[0]))
                values = dict(zip(_PROBABILITIES, probability, strict=True))
                rows.append({**cell.key, "rho": rho, "verdict": word, **values})
        return pd.DataFrame(rows, columns=["claim", "group", "rho", "verdict", *_PROBABILITIES])

    def sensitivity(self) -> pd.DataFrame:
        """Everything a verdict was tested against, one row per test: streams left out, biases, powers, ρ."""
        parts = [
            self.leave_one_out()
            .rename(columns={"left_out": "input"})
            .assign(test=lambda t: t["kind"] + " left out", value=0.0),
            self._tips_as_tests(),
            self.rho_sweep().rename(columns={"rho": "value"}).assign(test="dependence", input="rho"),
        ]
        names = ["claim", "group", "test", "input", "value", "verdict", "flips", "robust"]
        table = pd.concat([part.reindex(columns=names[:6]) for part in parts if len(part)] or [pd.DataFrame()])
        table = table.reindex(columns=names).reset_index(drop=True)
        cells = [self.cell(claim, group) for claim, group in zip(table["claim"], table["group"], strict=True)]
        now = [class_word(int(decide(cell.posterior.probability, self.thresholds)[0])) for cell in cells]
        table["flips"] = [bool(word) and word != own for word, own in zip(table["verdict"], now, strict=True)]
        table["robust"] = [cell.robust for cell in cells]
        return table

    def _tips_as_tests(self) -> pd.DataFrame:
        table = self.tipping()
        table["verdict"] = table["becomes"]
        table["test"] = "tipping " + table["quantity"]
        return table.rename(columns={"stream": "input", "tips_at": "value"})

    def conflicts(self) -> pd.DataFrame:
        """Node splits between the estimates of every two streams, before and after bias adjustment."""
        names = ["first", "second", "difference", "std_error", "p_raw", "p_adjusted"]
        rows = [
            {**cell.key, **{name: getattr(split, name) for name in names}}
            for cell in self._speaking()
            for split in node_splits(cell.model)
        ]
        return pd.DataFrame(rows, columns=["claim", "group", *names])

    def convergence(self) -> pd.DataFrame:
        """Convergence code of every two streams on every claim."""
        rows = []
        for cell in self.cells:
            expected = self.theory.link(cell.model.claim.link).perspectives
            codes = convergence_codes(cell.model, cell.evidence.silences, expected)
            rows += [{**cell.key, **{name: getattr(one, name) for name in _CODE_COLUMNS}} for one in codes]
        return pd.DataFrame(rows, columns=["claim", "group", *_CODE_COLUMNS])

    def rivals(self) -> pd.DataFrame:
        """Likelihood ratio of each rival explanation against the claim; it never enters that of the effect."""
        rows = []
        for cell in self.cells:
            for target in dict.fromkeys(one.target for one in cell.evidence.rivals):
                items = [one for one in cell.evidence.rivals if one.target == target]
                ratio, low, high = rival_support(items)
                counts = {"items": len(items), "seen": sum(one.observed for one in items)}
                found = {"likelihood_ratio": ratio, "lower": low, "upper": high, "words": odds_words(ratio)}
                rows.append({**cell.key, "rival": target.removeprefix("rival:"), **counts, **found})
        names = ["claim", "group", "rival", "items", "seen", "likelihood_ratio", "lower", "upper", "words"]
        return pd.DataFrame(rows, columns=names)

    def account(self) -> SampleAccount:
        """Evidence items in, used, and not used by reason."""
        uses = use_of_evidence([cell.evidence for cell in self.cells])
        dropped = {use.removeprefix("not used: "): n for use, n in uses.items() if use.startswith("not used")}
        used = {use: n for use, n in uses.items() if not use.startswith("not used")}
        total = sum(uses.values())
        return SampleAccount(rows_in=total, rows_used=total - sum(dropped.values()), dropped=dropped, counts=used)

    def to_dict(self) -> dict[str, Any]:
        """Theory, options, evidence with its hashes, and verdicts as plain data."""
        evidence = [item for cell in self.cells for item in cell.evidence.items]
        options = {"thresholds": self.thresholds, "priors": dict(self.priors)}
        return audit_record(self.theory, options, evidence, self.verdicts())

    def audit(self, path: str | Path) -> Path:
        """Write ``to_dict`` as JSON, so that every figure can be traced to hashed inputs; returns the path."""
        return write_record(self.to_dict(), Path(path))

    def plot(self, ax: Any = None) -> Any:
        """Draw the verdicts as a matrix of claims and groups; returns the Axes."""
        return draw("verdict_matrix", self.verdicts(), ax)


_TIP_COLUMNS = ("quantity", "stream", "current", "tips_at", "verdict", "becomes")
_CODE_COLUMNS = (
    "first",
    "second",
    "code",
    "state_first",
    "state_second",
    "gain_first",
    "gain_second",
    "p_adjusted",
    "note",
)

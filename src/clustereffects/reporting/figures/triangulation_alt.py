"""What the figures of the triangulation show, in words, for whoever cannot see them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from clustereffects.reporting.figures._cell import (
    cell_names,
    chance,
    chance_range,
    label,
    one_group,
    percent_sign,
    pick,
)
from clustereffects.reporting.figures.triangulation import verdict_state
from clustereffects.reporting.figures.triangulation_graph import claim_verdicts
from clustereffects.reporting.figures.triangulation_matrix import SIGN_STYLES, ground_of, readings_of, signs_of
from clustereffects.reporting.figures.triangulation_waterfall import step_name
from clustereffects.reporting.tables import number
from clustereffects.reporting.words import Wording, wording
from clustereffects.triangulation import Findings
from clustereffects.triangulation.curves import BiasCurve, bias_curves
from clustereffects.triangulation.verdicts import STATES, VERDICTS
from clustereffects.triangulation.waterfall import as_probability, waterfall

_TINY = 1e-6


def convergence_alt(result: Any, *, language: str = "en") -> str:
    """Alternative text of ``convergence_matrix``: how many signs of each kind, and where streams contradict each other.

    Parameters
    ----------
    result : DataFrame, Findings, or object with ``completeness()`` and ``assessment()``
    language : {"en", "sv"}

    Returns
    -------
    str

    Raises
    ------
    KeyError
        If a column is missing.

    Examples
    --------
    >>> table = pd.DataFrame({"claim": ["growth"] * 2, "group": ["K01"] * 2, "stream": ["economic", "survey"],
    ...                       "status": ["speaks", "silent"], "state": ["negligible", ""]})
    >>> print(convergence_alt(table))
    Convergence matrix: 1 × 1 cells (claims × organisations) with one sign for each perspective. Signs: points to no
    material effect 1, silent 1.
    """
    table, say = readings_of(result), wording(language)
    if table.empty:
        return say("alt_convergence_nothing")
    cells = table.drop_duplicates(["claim", "group"])
    parts = _counts(signs_of(table), {sign: say(f"sign_{sign}") for sign in SIGN_STYLES})
    text = say("alt_convergence", claims=table["claim"].nunique(), groups=table["group"].nunique(), parts=parts)
    if "assessment" not in table:
        return text
    dissonance = sum(ground_of(one) == "dissonance" for one in cells["assessment"])
    return f"{text} {say('alt_convergence_cells', dissonance=dissonance, cells=len(cells))}"


def _counts(found: Iterable[str], words: Mapping[str, str]) -> str:
    counts = Counter(found)
    return ", ".join(f"{word} {counts[name]}" for name, word in words.items() if counts[name])


def waterfall_alt(
    findings: Findings,
    *,
    claim: str = "",
    group: str = "",
    by: Literal["stream", "item"] = "stream",
    language: str = "en",
) -> str:
    """Alternative text of ``evidence_waterfall``: the probability of benefit after each step, or its bounds if withheld.

    Parameters
    ----------
    findings : Findings
    claim, group : str
    by : {"stream", "item"}
    language : {"en", "sv"}

    Returns
    -------
    str

    Raises
    ------
    NotStoredError
        If there is no such cell.

    Examples
    --------
    >>> from clustereffects.results import Estimate
    >>> from clustereffects.triangulation import Theory, Triangulation
    >>> theory = Theory.preset("seven_innovation_gaps")
    >>> did = Estimate(id="did", claim="turnover_growth", group="K01", stream="economic", value=0.0, std_error=0.02)
    >>> print(waterfall_alt(Triangulation(theory).fit([did]), claim="turnover_growth", group="K01"))
    From the prior to the posterior for Turnover grows, K01: the probability of benefit goes from 43% to 30%. economic: to
    30%.
    """
    cell, say = pick(findings, claim, group), wording(language)
    names, steps = cell_names(findings, cell, say), waterfall(cell, by)
    if not steps:
        return say("alt_waterfall_nothing", before=chance(float(cell.posterior.probability[0, 2]), say), **names)
    low, high = (chance(end, say) for end in cell.bounds[2].tolist())
    ends = [chance(as_probability(level), say) for level in (steps[0].before, steps[-1].after)]
    if cell.verdict == "withheld":
        return say("alt_waterfall_withheld", before=ends[0], lower=low, upper=high, **names)
    parts = "; ".join(
        say("alt_waterfall_step", name=step_name(step, by, say), after=chance(as_probability(step.after), say))
        for step in steps
    )
    text = say("alt_waterfall", before=ends[0], after=ends[1], parts=parts, **names)
    if np.ptp(cell.bounds[2]) < _TINY:
        return text
    return f"{text} {say('alt_waterfall_bounds', lower=low, upper=high)}"


def posterior_alt(findings: Findings, *, claim: str = "", group: str = "", language: str = "en") -> str:
    """Alternative text of ``posterior_with_bounds``: mean, interval, and bounds of the three probabilities.

    Parameters
    ----------
    findings : Findings
    claim, group : str
    language : {"en", "sv"}

    Returns
    -------
    str

    Raises
    ------
    NotStoredError
        If there is no such cell.

    Examples
    --------
    >>> from clustereffects.results import Estimate
    >>> from clustereffects.triangulation import Theory, Triangulation
    >>> theory = Theory.preset("seven_innovation_gaps")
    >>> did = Estimate(id="did", claim="turnover_growth", group="K01", stream="economic", value=0.0, std_error=0.002)
    >>> print(posterior_alt(Triangulation(theory).fit([did]), claim="turnover_growth", group="K01"))
    Posterior density of the effect for Turnover grows, K01: mean 0.000, 95% interval −0.004 to 0.004; smallest effect of
    interest 0.010. Probabilities over all declared ranges: harm below 1%, no material effect above 99%, benefit below 1%.
    """
    cell, say = pick(findings, claim, group), wording(language)
    names = cell_names(findings, cell, say)
    if cell.verdict == "silent":
        return say("alt_posterior_silent", **names)
    curve = findings.posterior(cell.model.claim.id, cell.model.group)
    low, high = (number(end, language) for end in curve.interval(0.95))
    parts = ", ".join(
        f"{say(f'state_{state}')} {chance_range(ends[0], ends[1], say)}"
        for state, ends in zip(STATES, cell.bounds.tolist(), strict=True)
    )
    mean, delta = number(curve.mean, language), number(cell.model.claim.delta, language)
    return say("alt_posterior", mean=mean, low=low, high=high, delta=delta, parts=parts, **names)


def tipping_alt(findings: Findings, *, claim: str = "", group: str = "", language: str = "en") -> str:
    """Alternative text of ``tipping_curves``: assumed bias of each stream, and the bias at which the verdict changes.

    Parameters
    ----------
    findings : Findings
    claim, group : str
    language : {"en", "sv"}

    Returns
    -------
    str

    Raises
    ------
    NotStoredError
        If there is no such cell.

    Examples
    --------
    >>> from clustereffects.results import Estimate
    >>> from clustereffects.triangulation import Theory, Triangulation
    >>> theory = Theory.preset("seven_innovation_gaps")
    >>> did = Estimate(id="did", claim="turnover_growth", group="K01", stream="economic", value=-0.09, std_error=0.02)
    >>> print(tipping_alt(Triangulation(theory).fit([did]), claim="turnover_growth", group="K01"))
    Probability of harm for Turnover grows, K01 against the mean bias that is assumed in each perspective; threshold 90%.
    economic: assumed 0.000, verdict changes at −0.051.
    """
    cell, say = pick(findings, claim, group), wording(language)
    names, state, curves = cell_names(findings, cell, say), verdict_state(cell), bias_curves(cell)
    if not curves:
        return say("alt_tipping_nothing", **names)
    return say(
        "alt_tipping",
        state=say(f"state_{STATES[state]}"),
        threshold=percent_sign(findings.thresholds.by_state[state], say),
        parts="; ".join(_tip(curve, say) for curve in curves),
        **names,
    )


def _tip(curve: BiasCurve, say: Wording) -> str:
    values = {"stream": say(f"stream_{curve.stream}"), "now": number(curve.current, say.language)}
    if math.isnan(curve.tips_at):
        return say("alt_tipping_never", **values)
    return say("alt_tipping_curve", tips=number(curve.tips_at, say.language), **values)


def theory_alt(findings: Any, *, group: str = "", verdicts: pd.DataFrame | None = None, language: str = "en") -> str:
    """Alternative text of ``theory_graph``: each arrow with its verdicts.

    Parameters
    ----------
    findings : Findings or object with ``theory`` and ``verdicts()``
    group : str
    verdicts : DataFrame, optional
    language : {"en", "sv"}

    Returns
    -------
    str

    Raises
    ------
    NotStoredError
        If there are no verdicts for the group.

    Examples
    --------
    >>> from clustereffects.results import Estimate
    >>> from clustereffects.triangulation import Theory, Triangulation
    >>> theory = Theory.preset("seven_innovation_gaps")
    >>> did = Estimate(id="did", claim="turnover_growth", group="K01", stream="economic", value=0.0, std_error=0.002)
    >>> print(theory_alt(Triangulation(theory).fit([did])))
    Theory of change with 13 boxes and 18 arrows, for K01. Verdicts on the arrows: no material effect 1 (Turnover grows), no
    evidence 17.
    """
    theory, say = findings.theory, wording(language)
    table = findings.verdicts() if verdicts is None else verdicts
    name = one_group(table, group)
    found = claim_verdicts(table, name)
    parts = []
    for verdict in (*VERDICTS, "not published"):
        claims = [label(claim, language) for claim in theory.claims if found.get(claim.id, "silent") == verdict]
        about = "" if verdict == "silent" else f" ({', '.join(claims)})"
        parts += [f"{say.term('verdict', verdict)} {len(claims)}{about}"] if claims else []
    text = say(
        "alt_theory",
        nodes=len(theory.nodes),
        links=len(theory.links),
        group=say.term("group", name),
        parts=", ".join(parts),
    )
    unclaimed = {link.id for link in theory.links} - {claim.link for claim in theory.claims}
    return f"{text} {say('alt_theory_unclaimed', n=len(unclaimed))}" if unclaimed else text

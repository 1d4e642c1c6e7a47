"""Figures of one claim for one organisation: its posterior with bounds, and how the verdict hangs on assumed biases."""

from __future__ import annotations

import math
from textwrap import fill
from typing import Any

import numpy as np

from clustereffects.reporting.figures._axes import GREEN, INK, ORANGE, SOFT, axes
from clustereffects.reporting.figures._cell import (
    STREAM_STYLES,
    chance_range,
    legend_above,
    percent_axis,
    percent_sign,
    pick,
)
from clustereffects.reporting.words import Wording, wording
from clustereffects.triangulation import CellFinding, Findings, Posterior, Thresholds
from clustereffects.triangulation.curves import BiasCurve, bias_curves
from clustereffects.triangulation.engine import log_prior
from clustereffects.triangulation.verdicts import STATES

#: Colour and hatching of each state; hatching tells them apart without colours.
STATE_STYLES = {"harm": (ORANGE, "\\\\\\\\"), "negligible": ("#c9ced4", ""), "benefit": (GREEN, "////")}
_COVERED = 1e-3
_TOP, _ROOM = 1.06, 1.6
_BARS = 0.25  # height of the bars, as a share of that of the Axes before there is anything around them


def posterior_with_bounds(
    findings: Findings, ax: Any = None, *, claim: str = "", group: str = "", language: str = "en"
) -> Any:
    """Posterior density of an effect, and above it the bounds on the probabilities of harm, no material effect and benefit.

    The density is that at the centre of all declared ranges. The bars above it run from the lower to the upper bound over all of
    them, with the threshold of each verdict; a bar that crosses its threshold is why a verdict is withheld.

    Parameters
    ----------
    findings : Findings
    ax : matplotlib Axes, optional
    claim, group : str
        The cell; may be left out if there is only one.
    language : {"en", "sv"}

    Returns
    -------
    matplotlib Axes
        The bars are their ``child_axes``.

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
    >>> ax = posterior_with_bounds(Triangulation(theory).fit([did]), claim="turnover_growth", group="K01")
    >>> ax.get_xlabel()
    'Effect, in units of the claim (log)'
    """
    cell, say = pick(findings, claim, group), wording(language)
    curve = findings.posterior(cell.model.claim.id, cell.model.group)
    ax = axes(ax, (6.4, 4.2), fit=True)
    silent = cell.verdict == "silent"
    if not silent:
        _areas(ax, cell, curve)
    prior = np.exp(log_prior(cell.model.prior, curve.theta))
    ax.plot(curve.theta, prior, color=INK, linewidth=1.0, linestyle="--", label=say("curve_prior"))
    if not silent:
        ax.plot(curve.theta, curve.density, color=INK, linewidth=1.6, label=say("curve_posterior"))
    for edge in cell.model.edges:
        ax.axvline(edge, color=SOFT, linewidth=0.9, linestyle=":")
    ax.set_xlim(_view(curve, cell.model.claim.delta))
    ax.set_ylim(0.0, _TOP * float(max(prior.max(), 0.0 if silent else curve.density.max())))
    ax.set_yticks([])
    ax.set_xlabel(say("axis_theta", scale=cell.model.claim.scale))
    ax.set_ylabel(say("axis_density"))
    ax.legend(frameon=False, fontsize="small", loc="best", title=say("curve_silent") if silent else None)
    if not silent:
        _bounds_above(ax, cell, findings.thresholds, say)
    return ax


def _view(curve: Posterior, delta: float) -> tuple[float, float]:
    """All but a thousandth of the posterior on either side, and the smallest effects of interest with room around."""
    return min(curve.quantile(_COVERED), -_ROOM * delta), max(curve.quantile(1 - _COVERED), _ROOM * delta)


def _areas(ax: Any, cell: CellFinding, curve: Posterior) -> None:
    limits = [-np.inf, *cell.model.edges, np.inf]
    for state, low, high in zip(STATES, limits[:-1], limits[1:], strict=True):
        # Closed on both sides, and the curve jumps at the limits: each area takes the value on its own side.
        inside = (curve.theta >= low) & (curve.theta <= high)
        colour, hatch = STATE_STYLES[state]
        ax.fill_between(
            curve.theta[inside],
            curve.density[inside],
            color=colour,
            alpha=0.55,
            linewidth=0,
            hatch=hatch,
            edgecolor="white",
        )


def _bounds_above(ax: Any, cell: CellFinding, thresholds: Thresholds, say: Wording) -> None:
    bars = _above(ax)
    for row, (state, limit) in enumerate(zip(STATES, thresholds.by_state, strict=True)):
        low, high = cell.bounds[row].tolist()
        colour, hatch = STATE_STYLES[state]
        bars.barh(
            row,
            max(high - low, 0.006),
            left=min(low, 0.994),
            height=0.6,
            color=colour,
            hatch=hatch,
            edgecolor=INK,
            linewidth=0.6,
        )
        bars.plot([limit, limit], [row - 0.45, row + 0.45], color=INK, linewidth=1.4)
        right = high < 0.62
        bars.annotate(
            chance_range(low, high, say),
            (high if right else low, row),
            xytext=(5 if right else -5, 0),
            textcoords="offset points",
            ha="left" if right else "right",
            va="center",
            fontsize="small",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.8},
        )
    bars.set_yticks(range(len(STATES)), [say(f"state_{state}") for state in STATES], fontsize="small")
    bars.set_xlim(0.0, 1.0)
    bars.set_ylim(-0.6, len(STATES) - 0.4)
    bars.xaxis.tick_top()
    bars.xaxis.set_label_position("top")
    percent_axis(bars.xaxis, say, fontsize="small")
    bars.set_xlabel(say("axis_bounds"), fontsize="small")
    bars.spines[["right", "bottom"]].set_visible(False)
    bars.tick_params(axis="y", length=0)


def _above(ax: Any) -> Any:
    """Axes above others, of a height in inches: in shares of the Axes below it would change while they are laid out."""
    from matplotlib.transforms import ScaledTranslation, blended_transform_factory

    figure = ax.get_figure(root=True)
    inches = figure.dpi_scale_trans + ScaledTranslation(0.0, 1.0, ax.transAxes)
    height = _BARS * ax.get_window_extent().height / figure.dpi
    return ax.inset_axes((0.0, 0.1, 1.0, height), transform=blended_transform_factory(ax.transAxes, inches))


def verdict_state(cell: CellFinding) -> int:
    """State that the verdict of a cell is about, or where there is none the most probable one.

    Parameters
    ----------
    cell : CellFinding

    Returns
    -------
    int
        0 for harm, 1 for a negligible effect, 2 for benefit.

    Raises
    ------
    AttributeError
        If it is no cell.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> posterior = SimpleNamespace(probability=np.array([[0.3, 0.2, 0.5]]))
    >>> verdict_state(SimpleNamespace(verdict="undecided", posterior=posterior))
    2
    """
    return int(cell.posterior.probability[0].argmax())


def tipping_curves(
    findings: Findings, ax: Any = None, *, claim: str = "", group: str = "", language: str = "en"
) -> Any:
    """Probability of benefit against the mean bias assumed in each stream, with threshold and tipping points.

    Where harm or no material effect is more probable than benefit, the probability of that state is drawn.

    Parameters
    ----------
    findings : Findings
    ax : matplotlib Axes, optional
    claim, group : str
        The cell; may be left out if there is only one.
    language : {"en", "sv"}

    Returns
    -------
    matplotlib Axes

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
    >>> ax = tipping_curves(Triangulation(theory).fit([did]), claim="turnover_growth", group="K01")
    >>> ax.get_ylabel()
    'Probability of harm'
    """
    cell, say = pick(findings, claim, group), wording(language)
    state = verdict_state(cell)
    ax = axes(ax, (6.4, 4.2), fit=True)
    curves = bias_curves(cell)
    for curve in curves:
        _bias_curve(ax, curve, state, say)
    limit = findings.thresholds.by_state[state]
    ax.axhline(
        limit, color=INK, linewidth=1.0, linestyle=(0, (1, 2)), label=say("threshold", value=percent_sign(limit, say))
    )
    ax.set_ylim(-0.02, 1.02)
    percent_axis(ax.yaxis, say)
    ax.set_xlabel(say("axis_bias", scale=cell.model.claim.scale))
    ax.set_ylabel(say("axis_state", state=say(f"state_{STATES[state]}")))
    if curves:
        _explain(ax, say, tips=any(_inside(curve) for curve in curves))
    else:
        ax.set_xticks([])
        ax.text(0.5, 0.5, fill(say("curve_nothing"), 26), ha="center", va="center", transform=ax.transAxes)
    return ax


def _bias_curve(ax: Any, curve: BiasCurve, state: int, say: Wording) -> None:
    colour, line, mark = STREAM_STYLES[curve.stream]
    level = curve.probability[:, state]

    def at(bias: float) -> float:
        return float(np.interp(bias, curve.bias, level))

    low, high = curve.declared
    if low < high:
        part = np.linspace(low, high, 41)
        ax.plot(part, np.interp(part, curve.bias, level), color=colour, linewidth=7, alpha=0.3, solid_capstyle="butt")
    ax.plot(curve.bias, level, color=colour, linestyle=line, linewidth=1.6, label=say(f"stream_{curve.stream}"))
    ax.plot(curve.current, at(curve.current), mark, color=colour, markersize=6, zorder=4)
    if _inside(curve):
        tip = at(curve.tips_at)
        ax.plot(curve.tips_at, tip, "X", color=colour, markersize=9, markeredgecolor="white", zorder=5)
        ax.plot([curve.tips_at] * 2, [-0.02, tip], color=colour, linewidth=0.8, linestyle=line)


def _inside(curve: BiasCurve) -> bool:
    return math.isfinite(curve.tips_at) and bool(curve.bias[0] <= curve.tips_at <= curve.bias[-1])


def _explain(ax: Any, say: Wording, *, tips: bool) -> None:
    """Legend of streams and threshold, and of what the marks on the curves are."""
    ax.plot([], [], "o", color=SOFT, label=say("curve_now"))
    if ax.lines and any(line.get_linewidth() == 7 for line in ax.lines):
        ax.plot([], [], color=SOFT, linewidth=7, alpha=0.4, label=say("curve_range"))
    if tips:
        ax.plot([], [], "X", color=SOFT, markersize=9, label=say("curve_tips"))
    legend_above(ax)

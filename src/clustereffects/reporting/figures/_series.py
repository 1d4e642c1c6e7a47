"""Effects along a time axis: intervals, band, markers, and the words that a legend needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clustereffects.reporting.figures._axes import BLUE, INK, PALE, SOFT, zero_line
from clustereffects.reporting.tables import number
from clustereffects.reporting.words import Wording
from clustereffects.results import Effects

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_MOST_LABELS = 20
_MOST_CHARACTERS = 90
_LONGEST = 6.0  # times the median interval
_MUCH = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Effects in time with pointwise ``bar`` and simultaneous ``band``, both (2, k).

    ``before`` marks effects before treatment, ``reference`` those that are zero by construction.
    """

    time: FloatArray
    estimate: FloatArray
    bar: FloatArray
    band: FloatArray
    before: BoolArray
    reference: BoolArray

    def part(self, rows: BoolArray) -> Series:
        """Some of the effects, in the order of time."""
        chosen = np.flatnonzero(rows)
        chosen = chosen[np.argsort(self.time[chosen], kind="stable")]
        return Series(
            self.time[chosen],
            self.estimate[chosen],
            self.bar[:, chosen],
            self.band[:, chosen],
            self.before[chosen],
            self.reference[chosen],
        )

    @property
    def bare(self) -> BoolArray:
        """Effects without a standard error that are no reference."""
        return np.asarray(np.isfinite(self.estimate) & np.isnan(self.bar[0]) & ~self.reference)


def series_of(effects: Effects, time: str, level: float) -> Series:
    """Effects along a column of their labels."""
    point, band = effects.tidy(level), effects.tidy(level, simultaneous=True)
    bars, bands = (part[["conf_low", "conf_high"]].to_numpy(dtype=float).T for part in (point, band))
    estimate = point["estimate"].to_numpy(dtype=float)
    before = effects.labels["event_time"] < 0 if "event_time" in effects.labels else np.zeros(len(estimate), dtype=bool)
    reference = (estimate == 0.0) & ~(effects.uncertainty.std_error > 0)
    return Series(
        effects.labels[time].to_numpy(dtype=float),
        estimate,
        bars,
        bands,
        before=np.asarray(before, dtype=np.bool_),
        reference=np.asarray(reference, dtype=np.bool_),
    )


def draw_series(ax: Any, series: Series, start: float | None, *, size: float = 4.5) -> None:
    """Band, intervals and markers: hollow before treatment, filled after, a square for reference periods."""
    low, high = (np.where(np.isfinite(limit), limit, series.estimate) for limit in series.band)
    # Steps, because nothing is known between the periods; the first and the last one are as wide as the others.
    reach = np.r_[series.time[:1] - 0.5, series.time, series.time[-1:] + 0.5]
    limits = (np.r_[limit[:1], limit, limit[-1:]] for limit in (low, high))
    ax.fill_between(reach, *limits, color=PALE, linewidth=0, zorder=1, step="mid")
    half = np.nan_to_num((series.bar[1] - series.bar[0]) / 2.0)
    plain = ~(series.reference | series.bare)
    for rows, style in (
        (plain & series.before, before_style(size)),
        (plain & ~series.before, after_style(size)),
        (series.reference, reference_style(size)),
        (series.bare, bare_style(size)),
    ):
        if rows.any():
            ax.errorbar(series.time[rows], series.estimate[rows], half[rows], capsize=0.5 * size, **style)
    if start is not None:
        ax.axvline(start - 0.5, color=SOFT, linewidth=0.9, linestyle=":", zorder=0)
    zero_line(ax)


def limit_view(ax: Any, series: Series) -> None:
    """Let intervals and bands that are far longer than most run out of the figure, so that the others can be read.

    With one or two degrees of freedom critical values are in the tens and hundreds.
    """
    half = np.nanmedian(series.bar[1] - series.bar[0]) / 2.0 if np.isfinite(series.bar).any() else 0.0
    wide = np.r_[0.0, series.estimate, *series.bar, *series.band]
    near = [
        np.clip(limit, series.estimate - _LONGEST * half, series.estimate + _LONGEST * half) for limit in series.band
    ]
    seen = np.r_[0.0, series.estimate, *near]
    if np.nanmax(wide) - np.nanmin(wide) > _MUCH * (np.nanmax(seen) - np.nanmin(seen)) > 0:
        ax.set_ylim(np.nanmin(seen), np.nanmax(seen))


def before_style(size: float) -> dict[str, Any]:
    """Effects before treatment."""
    return {"fmt": "o", "color": INK, "markerfacecolor": "white", "markersize": size, "zorder": 3, "elinewidth": 1.0}


def after_style(size: float) -> dict[str, Any]:
    """Effects from treatment on."""
    return {"fmt": "o", "color": BLUE, "markersize": size, "zorder": 3, "elinewidth": 1.4}


def reference_style(size: float) -> dict[str, Any]:
    """Periods whose effect is zero by construction."""
    return {"fmt": "s", "color": SOFT, "markersize": size, "zorder": 3}


def bare_style(size: float) -> dict[str, Any]:
    """Effects without a standard error."""
    return {"fmt": "x", "color": INK, "markersize": size, "zorder": 3}


def legend(ax: Any, series: Series, words: tuple[str, str], say: Wording, **where: Any) -> Any:
    """Legend of what is drawn, headed by the standard error; ``words`` are for the band and the intervals."""
    from matplotlib.patches import Patch

    size, plain = 4.5, ~(series.reference | series.bare)
    kinds = (
        ("marker_before", plain & series.before, before_style),
        ("marker_after", plain & ~series.before & series.before.any(), after_style),
        ("marker_reference", series.reference, reference_style),
        ("marker_bare", series.bare, bare_style),
    )
    handles: list[Any] = [Patch(color=PALE), ax.errorbar([], [], [], fmt="none", color=BLUE, elinewidth=1.4)]
    labels = [*words]
    for key, rows, style in kinds:
        if rows.any():
            handles.append(ax.errorbar([], [], **style(size)).lines[0])
            labels.append(say(key))
    return ax.legend(
        handles, labels, frameon=False, fontsize="small", title_fontsize="small", alignment="left", **where
    )


def errors_in_words(effects: Effects, say: Wording) -> str:
    """Which standard error, in a few words."""
    spread = effects.uncertainty
    columns = f" {say('and')} ".join(spread.columns) or say("unit")
    return say(f"errors_{spread.kind}", columns=columns)


def intervals_in_words(effects: Effects, level: float, say: Wording) -> tuple[str, str]:
    """What the band and the pointwise intervals are."""
    shown = f"{level:.0%}"
    pointwise = say("axis_pointwise", level=shown, reference=reference_in_words(effects, say))
    return say("axis_band", level=shown), pointwise


def reference_in_words(effects: Effects, say: Wording) -> str:
    """Reference distribution of pointwise intervals."""
    spread = effects.uncertainty
    if spread.studentised is not None:
        return say("reference_wild")
    finite = spread.dfs[np.isfinite(spread.dfs) & (spread.std_error > 0)]
    if not len(finite):
        return say("reference_normal")
    low, high = (number(df, say.language, int(df < 10 and df % 1 > 0)) for df in (finite.min(), finite.max()))
    return say("reference_t", df=low if low == high else f"{low}–{high}")


def treated_counts(effects: Effects) -> NDArray[np.int64] | None:
    """Treated units behind each effect, where they are known."""
    if effects.influence_function is None or effects.sampling is None:
        return None
    return effects.treated_units()


def time_ticks(ax: Any, times: FloatArray, width: int) -> FloatArray:
    """Ticks at whole times: all, or where labels of ``width`` characters collide every so manieth; the labelled ones."""
    shown = np.unique(times)
    most = min(_MOST_LABELS, _MOST_CHARACTERS // (width + 2))
    step = max(1, -(-len(shown) // most))
    start = int(np.searchsorted(shown, 0.0)) % step if (shown == 0.0).any() else 0
    ax.set_xticks(shown[start::step], [f"{time:.0f}".replace("-", "−") for time in shown[start::step]])
    if step > 1:
        ax.set_xticks(shown, minor=True)
    return shown[start::step]


def side_counts(ax: Any, places: Iterable[float], counts: Iterable[int], label: str, *, above: bool) -> None:
    """Numbers of treated units above or to the right of the Axes, where neither data nor legend can be."""
    side = ax.secondary_xaxis("top") if above else ax.secondary_yaxis("right")
    axis = side.xaxis if above else side.yaxis
    axis.set_ticks(list(places), [f"{count:,}" for count in counts])
    side.tick_params(length=0, pad=2.0, labelsize="x-small")
    side.spines[:].set_visible(False)
    axis.set_label_text(label, fontsize="x-small", **({} if above else {"rotation": 270, "va": "bottom"}))

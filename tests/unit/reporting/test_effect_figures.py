"""Figures of effects: what is marked, how panels stand in the Axes they were given, and the words beside."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

import clustereffects as ce
from clustereffects.errors import FewClustersWarning, OptionError
from clustereffects.inference import Influence
from clustereffects.reporting.figures import effect_panels, effects_alt, effects_plot, event_study, forest
from clustereffects.reporting.figures._axes import BLUE, INK, SOFT
from clustereffects.reporting.figures._grid import grid_shape
from clustereffects.results import Cluster, Effects, Jackknife, MultiplierBootstrap, WildBootstrap
from support.made_effects import make

LANGUAGES = ("en", "sv")
CELLS = tuple((cohort, time, group) for cohort in (2004, 2006) for time in (2003, 2005, 2007) for group in ("K1", "K2"))


@pytest.fixture
def ax():
    return Figure(layout="constrained").subplots()


@pytest.fixture(scope="module")
def counties():
    panel = ce.Panel(ce.datasets.load_mpdta(), unit="countyreal", time="year", cohort="first.treat")
    return ce.GroupTimeDiD(control="never_treated", base_period="universal").fit(panel, "lemp")


def _grouped(n=80, values=None):
    return make(values, n=n, cells=CELLS, groups=np.array(["K1", "K1", "K1", "K2"])[np.arange(n) % 4])


def _rendered(ax):
    ax.figure.draw_without_rendering()
    return ax


def _texts(ax):
    legend = ax.get_legend()
    return [legend.get_title().get_text(), *(text.get_text() for text in legend.get_texts())]


def test_an_event_study_tells_before_after_and_reference_apart_without_colour(ax, counties):
    _rendered(event_study(counties.aggregate("event"), ax))
    before, after, reference = ax.containers[:3]
    markers = [
        (one.lines[0].get_marker(), to_hex(one.lines[0].get_markerfacecolor())) for one in (before, after, reference)
    ]
    assert markers == [("o", "#ffffff"), ("o", BLUE), ("s", SOFT)]
    assert [one.lines[0].get_xdata().tolist() for one in (before, after, reference)] == [
        [-4, -3, -2],
        [0, 1, 2, 3],
        [-1],
    ]
    assert reference.lines[0].get_ydata().tolist() == [0.0]
    assert _texts(ax)[1:] == [
        "95% simultaneous",
        "95% pointwise (normal)",
        "before joining",
        "from joining on",
        "reference period",
    ]


def test_bars_are_the_pointwise_intervals(ax):
    effects = make().aggregate("event")
    event_study(effects, ax, level=0.9)
    segments = np.concatenate([[s[:, 1] for s in one.lines[2][0].get_segments()] for one in ax.containers[:2]])
    np.testing.assert_allclose(segments, effects.conf_int(0.9), rtol=1e-12)


def test_treated_units_stand_above_the_event_study_where_they_are_known(counties):
    event = counties.aggregate("event")
    (side,) = effects_plot(event, Figure().subplots()).child_axes
    assert [tick.get_text() for tick in side.get_xticklabels()] == ["131", "171", "171", "191", "191", "60", "20", "20"]
    assert side.get_xlabel() == "treated units"
    assert event_study(event, Figure().subplots()).child_axes == []
    assert effects_plot(Effects.from_dict(event.to_dict()), Figure().subplots()).child_axes == []


def test_an_effect_without_standard_error_is_a_cross(ax):
    town = np.where(np.arange(60) % 3 == 1, 0, 1 + np.arange(60) % 7)
    effects = make(assignment=("town",), clusters={"town": town}).aggregate("event")
    lone = np.isnan(effects.std_errors.to_numpy())
    assert 0 < lone.sum() < len(lone)
    event_study(effects, ax)
    crosses = [one.lines[0] for one in ax.containers if one.lines[0] is not None and one.lines[0].get_marker() == "x"]
    assert len(crosses[0].get_xdata()) == lone.sum()
    assert "without standard error" in _texts(ax)


def test_a_band_that_would_hide_all_else_runs_out_of_the_figure(ax):
    effects = make()
    psi = effects.influence * np.array([1.0, 1.0, 1.0, 1.0, 1.0, 500.0])
    event_study(make(influence_function=Influence(psi)).aggregate("event"), ax)
    low, high = ax.get_ylim()
    assert high - low < 60
    event_study(effects.aggregate("event"), usual := Figure().subplots())
    band = effects.aggregate("event").conf_int(simultaneous=True)
    assert usual.get_ylim()[0] <= band["conf_low"].min()
    assert usual.get_ylim()[1] >= band["conf_high"].max()


def test_many_event_times_have_few_labels(ax):
    cells = tuple((2004, 2004 + e) for e in range(-30, 31))
    _rendered(effects_plot(make(cells=cells).aggregate("event"), ax))
    labels = [tick.get_text() for tick in ax.get_xticklabels()]
    assert len(labels) <= 20
    assert "0" in labels
    assert len(ax.get_xticks(minor=True)) + len(labels) == 61


TOWN = {"town": np.arange(60) % 15}


@pytest.mark.parametrize(
    ("variance", "title", "interval"),
    [
        (None, "Standard errors by unit", "95% pointwise (normal)"),
        (Cluster("town"), "Standard errors by town", "95% pointwise (normal)"),
        (Cluster("town", small_sample="stata"), "Standard errors by town", "95% pointwise (t, 14 df)"),
        (
            MultiplierBootstrap(draws=99, cluster="town"),
            "Standard errors: bootstrap over town",
            "95% pointwise (normal)",
        ),
        (
            WildBootstrap("town", draws=99),
            "Standard errors by town, t values from a wild bootstrap",
            "95% pointwise (wild bootstrap)",
        ),
    ],
    ids=["unit", "cluster", "stata", "bootstrap", "wild"],
)
def test_legends_say_which_standard_error(ax, variance, title, interval):
    effects = make(variance=variance, clusters=TOWN).aggregate("event")
    event_study(effects, ax)
    assert _texts(ax)[0] == title
    assert _texts(ax)[2] == interval
    again = Figure().subplots()
    event_study(Effects.from_dict(effects.to_dict()), again)
    assert _texts(again) == _texts(ax)


@pytest.mark.filterwarnings(f"ignore::{FewClustersWarning.__module__}.{FewClustersWarning.__name__}")
def test_legends_name_the_jackknife_and_its_degrees_of_freedom(ax):
    counties = ce.datasets.load_mpdta()
    counties["state"] = counties["countyreal"] // 1000
    panel = ce.Panel(counties, unit="countyreal", time="year", cohort="first.treat")
    effects = ce.GroupTimeDiD(variance=Jackknife("state")).fit(panel, "lemp").aggregate("event")
    event_study(effects, ax, language="sv")
    assert _texts(ax)[0] == "Medelfel: jackknife över state"
    assert _texts(ax)[2].startswith("95% punktvis (t, 4,5–22 frihetsgrader)")


def test_panels_stand_inside_the_axes_and_share_their_limits(ax, counties):
    assert effects_plot(counties, ax) is ax
    _rendered(ax)
    panels = ax.child_axes
    assert [panel.get_title() for panel in panels] == [
        "joined 2004 (n = 20)",
        "joined 2006 (n = 40)",
        "joined 2007 (n = 131)",
    ]
    around = ax.get_window_extent()
    boxes = [panel.get_window_extent() for panel in panels]
    for box in boxes:
        assert around.x0 - 1 <= box.x0 < box.x1 <= around.x1 + 1
        assert around.y0 - 1 <= box.y0 < box.y1 <= around.y1 + 1
    assert all(one.x1 < other.x0 for one, other in pairwise(boxes))
    assert ax.get_legend().get_window_extent().y0 > max(panel.title.get_window_extent().y1 for panel in panels) - 1
    assert len({panel.get_ylim() for panel in panels}) == len({panel.get_xlim() for panel in panels}) == 1
    starts = [line.get_xdata()[0] for panel in panels for line in panel.lines if line.get_linestyle() == ":"]
    assert starts == [2003.5, 2005.5, 2006.5]


def test_panels_follow_axes_that_move(counties):
    figure = Figure()
    axes = figure.subplots(1, 2)
    effects_plot(counties, axes[1])
    figure.draw_without_rendering()
    first = axes[1].child_axes[0].get_window_extent().x0
    axes[1].set_position([0.1, 0.1, 0.3, 0.8])
    figure.draw_without_rendering()
    assert axes[1].child_axes[0].get_window_extent().x0 < first


def test_only_outer_panels_have_tick_labels(ax):
    effects = make(cells=tuple((2000 + c, t) for c in range(7) for t in (2003, 2008)))
    _rendered(effects_plot(effects, ax))
    rows, columns = grid_shape(7, *ax.get_window_extent().size)
    assert rows * columns >= 7 > (rows - 1) * columns
    shown = [panel.xaxis.get_tick_params()["labelbottom"] for panel in ax.child_axes]
    assert shown == [number + columns >= 7 for number in range(7)]
    left = [panel.yaxis.get_tick_params()["labelleft"] for panel in ax.child_axes]
    assert left == [number % columns == 0 for number in range(7)]


def test_panels_by_group_and_event_time(ax):
    effects = _grouped().aggregate(["group", "event"])
    _rendered(effects_plot(effects, ax))
    assert ax.get_xlabel() == "Years since joining"
    table = effects.labels.assign(n=effects.treated_units())
    most = table[table["event_time"] >= 0].groupby("group")["n"].max()
    titles = [panel.get_title() for panel in ax.child_axes]
    assert titles == [f"{name} (n = {most[name]})" for name in ("K1", "K2")]
    drawn = np.concatenate([one.lines[0].get_ydata() for p in ax.child_axes for one in p.containers])
    np.testing.assert_allclose(sorted(drawn), sorted(effects.estimate))


@pytest.mark.parametrize(
    ("by", "panels"), [(["cohort", "event"], 2), (["group", "calendar"], 2), (["cohort", "calendar"], 2)]
)
def test_other_crossings_with_a_time_are_panels(ax, by, panels):
    assert len(_rendered(effects_plot(_grouped().aggregate(by), ax)).child_axes) == panels


def test_cells_of_groups_have_a_panel_for_each_cohort(ax):
    _rendered(effects_plot(_grouped(), ax))
    assert [panel.get_title().split(" (")[0] for panel in ax.child_axes] == [
        "K1, joined 2004",
        "K2, joined 2004",
        "K1, joined 2006",
        "K2, joined 2006",
    ]


@pytest.mark.parametrize("by", ["event", "group", "overall", ["group", "cohort"], ["event", "calendar"]], ids=str)
def test_what_is_no_small_multiple_is_refused_by_name_and_drawn_otherwise(ax, by):
    effects = _grouped().aggregate(by)
    with pytest.raises(OptionError, match="no small multiples"):
        effect_panels(effects, ax)
    assert effects_plot(effects, Figure().subplots()).has_data()


def test_panels_of_nothing(ax):
    assert effects_plot(make().select([False] * 6), ax).get_xlabel() == "Year"


def test_groups_are_sorted_with_their_units_and_their_mean(ax):
    effects = _grouped(values=[-1.0, 2.0] * 6).aggregate("group")
    forest(effects, ax)
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["K2", "K1"]
    (side,) = ax.child_axes
    assert [tick.get_text() for tick in side.get_yticklabels()] == [str(n) for n in effects.treated_units()[::-1]]
    dashed = next(line for line in ax.lines if line.get_linestyle() == "--")
    assert dashed.get_xdata()[0] == pytest.approx(effects.average().estimate[0])
    assert ax.get_xlabel().splitlines() == [
        "Effect on y, 95% interval",
        "Standard errors by unit (normal)",
        f"Dashed: mean over treated units, {effects.average().estimate[0]:.3f}".replace("-", "−"),
    ]


def test_totals_and_stored_groups_have_no_mean_line():
    total = _grouped().aggregate("group", total=True)
    stored = Effects.from_dict(_grouped().aggregate("group").to_dict())
    for effects in (total, stored):
        ax = forest(effects, Figure().subplots())
        assert [line for line in ax.lines if line.get_linestyle() == "--"] == []
        assert len(ax.get_xlabel().splitlines()) == 2


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("values", [None, [0.0] * 12, [np.nan] * 12], ids=["some", "null", "none"])
@pytest.mark.parametrize("by", ["cell", "event", "overall", "group", "calendar", ["group", "event"]], ids=str)
def test_every_figure_has_an_alternative_text(by, values, language):
    effects = _grouped(values=values)
    text = effects_alt(effects if by == "cell" else effects.aggregate(by), language=language)
    assert "outcome" not in text
    assert " y" in text
    assert ("kunde" in text or "could" in text) == (values is not None and np.isnan(values[0]))


def test_alternative_texts_say_how_many_intervals_lie_where():
    effects = make([0.0, 100.0, 0.0, 0.0, -100.0, 0.0]).aggregate(["cohort", "calendar"])
    assert effects_alt(effects).endswith(
        "Estimates: 4, from −100.000 to 100.000; 95% intervals above zero: 1, below zero: 1, including zero: 2."
    )
    event = effects_alt(make([0.0] * 6).aggregate("event"), level=0.9)
    assert "Before joining – Estimates: 2, from 0.000 to 0.000; 90% intervals above zero: 0" in event
    assert event.endswith("including zero: 2.")
    assert effects_alt(make().aggregate("event"), language="sv").startswith("Händelsestudie: effekter på y")


def test_figures_of_their_own_grow_with_what_they_hold():
    import matplotlib.pyplot as plt

    cells = tuple((2000 + c, t) for c in range(16) for t in (2003, 2008))
    few, many = effects_plot(make()), effects_plot(make(cells=cells))
    assert many.figure.get_size_inches()[1] > few.figure.get_size_inches()[1]
    rows = forest(make(cells=cells).aggregate("cohort"))
    assert rows.figure.get_size_inches()[1] > 3
    for ax in (few, many, rows):
        plt.close(ax.figure)


def test_intervals_of_all_kinds_are_drawn_in_ink_before_and_blue_after(ax):
    event_study(make().aggregate("event"), ax)
    assert [to_hex(one.lines[0].get_color()) for one in ax.containers[:2]] == [INK, BLUE]


def test_names_with_mathematics_and_long_names_are_drawn(ax):
    effects = _grouped().aggregate(["group", "event"])
    named = effects.labels.assign(group=["a" * 80 if name == "K1" else "$x_1" for name in effects.labels["group"]])
    renamed = Effects.from_dict(effects.to_dict() | {"labels": {k: v.tolist() for k, v in named.items()}})
    titles = [panel.get_title() for panel in _rendered(effects_plot(renamed, ax)).child_axes]
    assert len(titles[0]) < 30
    assert titles[1] == "$x_1"


def test_a_frame_of_effects_is_not_changed(ax):
    effects = _grouped().aggregate("group")
    before = effects.labels.copy()
    forest(effects, ax)
    pd.testing.assert_frame_equal(effects.labels, before)

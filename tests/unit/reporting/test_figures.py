"""Figures draw from every result that they accept, also where there is little to see."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from clustereffects.inference import Influence
from clustereffects.reporting.figures import (
    effects_plot,
    event_study,
    forest,
    love_plot,
    shrinkage_plot,
    survey_plot,
    verdict_matrix,
)
from clustereffects.reporting.figures._axes import BLUE
from clustereffects.results import MultiplierBootstrap
from clustereffects.triangulation.verdicts import VERDICTS
from support.made_effects import make

LANGUAGES = ("en", "sv")
NOTHING = [np.nan] * 6
BY = ("overall", "event", "cohort", "calendar")


@pytest.fixture
def ax():
    return Figure(layout="constrained").subplots()


def _rendered(ax):
    ax.figure.draw_without_rendering()
    return ax


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("values", [None, NOTHING, [0.0] * 6, [0.1, np.nan, 1.0, np.nan, 0.5, np.nan]], ids=str)
@pytest.mark.parametrize("by", ["cell", *BY])
def test_effects_of_every_aggregation(ax, by, values, language):
    effects = make(values)
    effects = effects if by == "cell" else effects.aggregate(by)
    assert effects_plot(effects, ax, language=language) is ax
    _rendered(ax)
    assert ax.get_xlabel()


def test_one_event_time_and_one_effect(ax):
    assert _rendered(event_study(make().aggregate("event", window=(0, 0)), ax)) is ax
    assert _rendered(forest(make().aggregate("overall"), Figure().subplots())).get_yticks().tolist() == [0]


def test_no_effect_at_all(ax):
    none = make().aggregate("event").select([False] * 4)
    assert _rendered(event_study(none, ax)) is ax
    assert _rendered(forest(none, Figure().subplots())).get_yticks().tolist() == []


def test_reference_periods_and_bootstraps(ax):
    effects = make(variance=MultiplierBootstrap(draws=99))
    psi = effects.influence.copy()
    psi[:, [0, 3]] = 0.0
    effects = make(
        [0.0, 1, 1, 0.0, 1, 1], influence_function=Influence(psi), variance=MultiplierBootstrap(draws=99)
    ).aggregate("event")
    _rendered(event_study(effects, ax))
    band = ax.collections[0].get_paths()[0].vertices
    assert np.isfinite(band).all()


def test_the_band_contains_the_bars(ax):
    effects = make().aggregate("event")
    event_study(effects, ax, level=0.9)
    band = effects.tidy(0.9, simultaneous=True)
    vertices = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert vertices.min() == pytest.approx(band["conf_low"].min())
    assert vertices.max() == pytest.approx(band["conf_high"].max())
    assert "90%" in ax.get_legend().get_texts()[0].get_text()


def test_findings_of_either_sign_and_none_look_alike(ax):
    forest(make([0, 100.0, 100.0, 0, -100.0, -100.0]).aggregate("cohort"), ax)
    null = Figure().subplots()
    forest(make([0.0] * 6).aggregate("overall"), null)
    assert {to_hex(line.get_color()) for line in [*ax.lines[:4], *null.lines[:2]]} == {BLUE}


def test_what_is_not_identified_says_so(ax):
    forest(make([0.1, np.nan, np.nan, 0.1, 1.0, 1.0]).aggregate("cohort"), ax)
    assert [text.get_text() for text in ax.texts] == ["not identified"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["2004", "2006"]


BALANCE = pd.DataFrame({"covariate": ["size", "<b>"], "smd_before": [0.4, -0.2], "smd_after": [0.02, np.nan]})
POOLED = pd.DataFrame(
    {
        "group": ["K01", "K02"],
        "estimate": [0.1, np.nan],
        "pooled": [0.05, 0.04],
        "conf_low": [0.0, -0.1],
        "conf_high": [0.1, 0.2],
    }
)
MEANS = pd.DataFrame(
    {"organisation": ["K01", "K02"], "estimate": [0.2, np.nan], "conf_low": [0.0, np.nan], "conf_high": [0.4, np.nan]}
)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("draw", "table"), [(love_plot, BALANCE), (shrinkage_plot, POOLED), (survey_plot, MEANS)])
@pytest.mark.parametrize(
    "rows", [slice(None), slice(0, 1), slice(1, 2), slice(0, 0)], ids=["all", "one", "nan", "none"]
)
def test_tables(ax, draw, table, rows, language):
    assert _rendered(draw(table.iloc[rows], ax, language=language)) is ax
    assert len(ax.get_yticks()) == len(table.iloc[rows])


@pytest.mark.parametrize(("draw", "table"), [(love_plot, BALANCE), (shrinkage_plot, POOLED), (survey_plot, MEANS)])
def test_a_missing_column_is_an_error(ax, draw, table):
    with pytest.raises(KeyError):
        draw(table.iloc[:, :2], ax)


class _Result:
    def balance(self):
        return BALANCE

    def shrinkage(self, level):
        assert level == 0.9
        return POOLED


def test_results_are_accepted_as_well_as_tables(ax):
    assert love_plot(_Result(), ax, threshold=0.25) is ax
    assert {round(abs(line.get_xdata()[0]), 2) for line in ax.lines if line.get_linestyle() == ":"} == {0.25}
    assert "90%" in shrinkage_plot(_Result(), Figure().subplots(), level=0.9).get_legend().get_texts()[1].get_text()


def test_every_verdict_has_its_cell(ax):
    verdicts = pd.DataFrame({"claim": "growth", "group": [f"K{i}" for i in range(8)], "verdict": VERDICTS})
    verdicts.loc[8] = ["networks", "K0", "not published"]
    _rendered(verdict_matrix(verdicts, ax))
    assert ax.get_xlim() == (0, 8)
    assert ax.get_ylim() == (2, 0)
    assert len(ax.texts) == 16
    assert ax.texts[0].get_text() == "++"
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["growth", "networks"]


def test_the_programme_is_named_in_the_language(ax):
    verdicts = pd.DataFrame({"claim": ["growth"], "group": ["programme"], "verdict": ["undecided"]})
    words = [verdict_matrix(verdicts, ax, language=name).get_xticklabels()[0].get_text() for name in ("en", "sv")]
    assert words == ["The whole programme", "Hela programmet"]


def test_no_verdicts_are_an_empty_matrix(ax):
    verdict_matrix(pd.DataFrame(columns=["claim", "group", "verdict"]), ax)
    _rendered(ax)
    assert not ax.texts
    assert not ax.patches


def test_figures_open_their_own_axes():
    import matplotlib.pyplot as plt

    for draw, result in ((effects_plot, make()), (love_plot, BALANCE), (verdict_matrix, None)):
        table = pd.DataFrame({"claim": ["c"], "group": ["K1"], "verdict": ["silent"]}) if result is None else result
        found = draw(table)
        assert found.figure.number in plt.get_fignums()
        plt.close(found.figure)

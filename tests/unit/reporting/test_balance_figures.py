"""Figures of a match also where there is little to see, and their alternative texts."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from clustereffects.reporting.figures import (
    density_alt,
    density_plot,
    love_alt,
    love_plot,
    trajectory_alt,
    trajectory_plot,
)

LANGUAGES = ("en", "sv")
LOVE = pd.DataFrame({"covariate": ["size", "age"], "smd_before": [0.4, -0.5], "smd_after": [0.02, -0.15]})
GROUPS = pd.DataFrame(
    {
        "group": ["K1", "K1", "K2", "K2"],
        "covariate": ["size", "age"] * 2,
        "smd_before": [0.4, -0.5, 0.3, 0.2],
        "smd_after": [0.02, -0.15, 0.3, np.nan],
        "small": [False, False, True, True],
    }
)
NODES = np.linspace(-3, 3, 101)
DENSITIES = pd.DataFrame(
    {
        "value": NODES,
        "treated": np.exp(-((NODES - 1) ** 2) / 2) / 2.5,
        "candidates": np.exp(-(NODES**2) / 2) / 2.5,
        "controls": np.exp(-((NODES - 0.9) ** 2) / 2) / 2.5,
    }
)
PATHS = pd.DataFrame(
    {
        "event_time": [-3, -2, -1],
        "n_treated": [9, 10, 10],
        "mean_treated": [1.0, 1.1, 1.2],
        "mean_control": [0.9, 1.1, 1.2],
        "smd": [0.11, 0.0, 0.0],
        "mean_candidates": [0.1, 0.2, 0.1],
    }
)


@pytest.fixture
def ax():
    return Figure(figsize=(2.8, 2.0), layout="constrained").subplots()


def _rendered(ax):
    ax.figure.draw_without_rendering()
    return ax


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("draw", "table"),
    [
        (love_plot, LOVE),
        (love_plot, GROUPS),
        (love_plot, GROUPS.iloc[:2]),
        (love_plot, GROUPS.iloc[3:]),
        (love_plot, GROUPS.iloc[:0]),
        (density_plot, DENSITIES),
        (density_plot, DENSITIES.assign(treated=0.0, controls=0.0)),
        (trajectory_plot, PATHS),
        (trajectory_plot, PATHS.iloc[:1]),
        (trajectory_plot, PATHS.assign(mean_candidates=np.nan)),
        (trajectory_plot, PATHS.assign(mean_treated=np.nan, mean_control=np.nan, mean_candidates=np.nan)),
    ],
)
def test_small_figures_of_any_table(ax, draw, table, language):
    assert _rendered(draw(table, ax, language=language)) is ax
    assert ax.get_legend() is not None


@pytest.mark.parametrize(("draw", "table"), [(density_plot, DENSITIES), (trajectory_plot, PATHS)])
def test_lines_differ_without_colours(ax, draw, table):
    draw(table, ax, label="size")
    lines = [line for line in ax.lines if line.get_label() and not line.get_label().startswith("_")]
    assert len({line.get_linestyle() for line in lines}) == 3
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "treated units",
        "matched controls",
        "all candidates",
    ]


def test_the_worst_group_of_a_covariate_is_named_and_small_groups_are_hollow(ax):
    love_plot(GROUPS, ax)
    assert [text.get_text() for text in ax.texts] == ["K2", "K1"]
    marks = {line.get_label(): line.get_markerfacecolor() for line in ax.lines}
    assert marks["smaller groups"] == "none"
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["size", "age"]


def test_no_group_is_named_within_the_threshold(ax):
    love_plot(GROUPS, ax, threshold=0.5)
    assert len(ax.texts) == 0


def test_null_results_are_said_like_others():
    text = love_alt(LOVE)
    assert text.startswith("Love plot of 2 covariates: the largest standardised mean difference is −0.50 (age) before")
    assert "−0.15 (age) after matching; 1 of 2 lie beyond 0.10" in text
    assert "0 of 2 lie beyond 0.10" in love_alt(LOVE.assign(smd_after=0.0))
    assert "0.30 (K2: size); 2 of 3 lie beyond" in love_alt(GROUPS)
    assert love_alt(LOVE.assign(smd_after=np.nan)) == "Love plot without covariates."


def test_words_for_densities_and_paths():
    text = density_alt(DENSITIES, label="log size")
    assert text.startswith("Densities of log size: highest at 1.02 among treated units, at 0.90 among their controls")
    assert text.endswith("share 94% of their density with the controls, 62% with the candidates.")
    text = trajectory_alt(PATHS, label="log size")
    assert "from 1.00 to 1.20 among treated units, from 0.90 to 1.20 among their controls" in text
    assert text.endswith("The largest difference between treated units and controls is 0.11 standard deviations.")
    assert "from – to – among all candidates" in trajectory_alt(PATHS.assign(mean_candidates=np.nan))


@pytest.mark.parametrize("language", LANGUAGES)
def test_alternative_texts_in_both_languages(language):
    for alt, table in ((love_alt, LOVE), (love_alt, GROUPS), (density_alt, DENSITIES), (trajectory_alt, PATHS)):
        text = alt(table, language=language)
        assert text
        assert "{" not in text


@pytest.mark.parametrize(
    ("draw", "table"),
    [(love_plot, LOVE), (love_plot, GROUPS.iloc[:, :4]), (density_plot, DENSITIES), (trajectory_plot, PATHS)],
)
def test_a_missing_column_is_an_error(ax, draw, table):
    with pytest.raises(KeyError):
        draw(table.iloc[:, 1:] if "group" not in table else table, ax)

"""Figures of the triangulation: one cell and three hundred, withheld, silent, harmful and null findings, both languages."""

import warnings

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import clustereffects as ce
from clustereffects.errors import NotStoredError
from clustereffects.reporting.figures import (
    convergence_alt,
    convergence_matrix,
    evidence_waterfall,
    posterior_alt,
    posterior_with_bounds,
    theory_alt,
    theory_graph,
    tipping_alt,
    tipping_curves,
    waterfall_alt,
)
from clustereffects.reporting.figures.triangulation_graph import ARROW_STYLES, arrow_verdict
from clustereffects.reporting.figures.triangulation_matrix import SIGN_STYLES
from clustereffects.triangulation import Theory, Triangulation
from clustereffects.triangulation.verdicts import VERDICTS
from triangulation_cases import KEY, PRIOR, did, interviews, sign, survey, theory, worked_example

LANGUAGES = ("en", "sv")
CASES = {
    "probably beneficial": worked_example(),
    "withheld": [did(bias_range=(-0.02, 0.02)), survey(bias_range=(0.02, 0.10)), *interviews()],
    "silent": [ce.Silence(stream="survey", reason="missing", **KEY)],
    "probably harmful": [did(value=-0.09, std_error=0.02)],
    "no material effect": [did(value=0.0, std_error=0.002, bias_sd=0.001)],
    "undecided": interviews(),
    "beneficial": [sign("gun", (0.5, 0.0, 0.0))],
}
DRAWN = (posterior_with_bounds, tipping_curves, evidence_waterfall)
SAID = (posterior_alt, tipping_alt, waterfall_alt)
_STATES = ("harm", "negligible", "benefit", "undecided")


def _fit(evidence):
    return Triangulation(theory(), prior=PRIOR).fit(evidence)


def _readings(claims, groups, seed=1):
    rng = np.random.default_rng(seed)
    statuses = rng.choice(["speaks", "uninformative", "silent"], size=(claims, groups, 3), p=[0.7, 0.1, 0.2])
    assessments = ("dissonance", "convergent", "convergent, but shared bias could explain it", "partial")
    rows = [
        {
            "claim": f"claim_{i:02d}",
            "group": f"Cluster {k:02d}",
            "stream": stream,
            "status": statuses[i, k, j],
            "state": rng.choice(_STATES) if statuses[i, k, j] != "silent" else "",
            "assessment": assessments[(i + k) % 4],
        }
        for i in range(claims)
        for k in range(groups)
        for j, stream in enumerate(("economic", "survey", "interviews"))
    ]
    return pd.DataFrame(rows)


def _axes(width=7.2, height=4.2):
    return Figure(figsize=(width, height), layout="constrained").subplots()


def _rendered(ax):
    ax.figure.draw_without_rendering()
    return ax


@pytest.fixture(params=CASES)
def findings(request):
    found = _fit(CASES[request.param])
    assert found.verdicts()["verdict"].tolist() == [request.param]
    return found


@pytest.mark.parametrize("draw", DRAWN)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_verdict_can_be_drawn(draw, language, findings):
    ax = _axes()
    assert _rendered(draw(findings, ax, language=language)) is ax


@pytest.mark.parametrize("draw", DRAWN)
def test_figures_can_be_small(draw):
    ax = _rendered(draw(_fit(CASES["withheld"]), _axes(3.6, 3.2)))
    room = ax.get_window_extent()
    assert min(room.width, room.height) > 40


@pytest.mark.parametrize("say", SAID)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_verdict_has_an_alternative_text(say, language, findings):
    text = say(findings, language=language)
    assert text.endswith(".")
    assert "{" not in text
    assert "nan" not in text.split()


@pytest.mark.parametrize("by", ["stream", "item"])
def test_a_withheld_number_is_not_said_of_the_waterfall_either(by):
    found = _fit(CASES["withheld"])
    centre = f"{found.cells[0].posterior.probability[0, 2]:.0%}"
    text = waterfall_alt(found, by=by)
    assert centre not in text
    assert "the verdict is withheld" in text
    assert text.endswith(
        "the probability of benefit goes from 43% to between 88% and above 99%, over all declared ranges."
    )


@pytest.mark.parametrize("kind", ["verdicts", "convergence", "theory", "waterfall", "posterior", "tipping"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_findings_draw_every_kind_in_every_language(kind, language):
    ax = _axes()
    assert _rendered(_fit(worked_example()).plot(ax, kind=kind, language=language)) is ax
    assert len(ax.get_children()) > len(_axes().get_children())


@pytest.mark.parametrize("draw", [*DRAWN, convergence_matrix])
def test_nothing_is_cut_on_a_plain_subplot(draw):
    figure = Figure(figsize=(6.0, 4.0))
    FigureCanvasAgg(figure)
    draw(_fit(worked_example()), figure.subplots())
    figure.draw_without_rendering()
    box = figure.get_tightbbox()
    assert box.x0 >= -0.02
    assert box.y0 >= -0.02
    assert box.x1 <= 6.02
    assert box.y1 <= 4.02


def test_a_layout_that_was_chosen_is_kept():
    chosen, placed = Figure(layout="tight"), Figure()
    evidence_waterfall(_fit(worked_example()), chosen.subplots())
    evidence_waterfall(_fit(worked_example()), placed.add_axes((0.4, 0.1, 0.5, 0.6)))
    assert type(chosen.get_layout_engine()).__name__ == "TightLayoutEngine"
    assert placed.get_layout_engine() is None


@pytest.mark.parametrize("act", [*DRAWN, *SAID])
def test_a_cell_must_be_named_where_there_are_several(act):
    two = _fit([did(), did(group="K02")])
    with pytest.raises(NotStoredError, match="groups K01, K02"):
        act(two)
    act(two, claim="growth", group="K02")


def test_bounds_above_the_posterior_are_those_of_the_cell():
    found = _fit(CASES["withheld"])
    (bars,) = posterior_with_bounds(found, _axes()).child_axes
    drawn = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars.patches]
    assert drawn[2] == pytest.approx(tuple(found.cells[0].bounds[2]))
    assert [text.get_text() for text in bars.texts][2] == "88% to above 99%"
    assert [tick.get_text() for tick in bars.get_yticklabels()] == ["harm", "no material effect", "benefit"]


def test_states_differ_by_hatching_not_by_colour_alone():
    (bars,) = posterior_with_bounds(_fit(worked_example()), _axes()).child_axes
    assert len({bar.get_hatch() for bar in bars.patches}) == 3


def test_a_silent_cell_shows_the_prior_and_says_so():
    ax = posterior_with_bounds(_fit(CASES["silent"]), _axes())
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["before any evidence"]
    assert ax.get_legend().get_title().get_text() == "no evidence: only the prior"
    assert ax.child_axes == []


def test_tipping_points_are_marked_and_curves_differ_without_colours():
    ax = tipping_curves(_fit(CASES["withheld"]), _axes())
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words == [
        "economic",
        "survey",
        "threshold 90%",
        "assumed now",
        "declared range",
        "verdict changes",
    ]
    curves = [line for line in ax.lines if line.get_label() in {"economic", "survey"}]
    assert len({line.get_linestyle() for line in curves}) == 2
    marks = [float(line.get_xdata()[0]) for line in ax.lines if line.get_marker() == "X" and len(line.get_xdata())]
    assert marks == pytest.approx([0.039, 0.124], abs=1e-3)


def test_without_estimates_there_is_nothing_to_tip():
    ax = tipping_curves(_fit(interviews()), _axes())
    assert ax.texts[0].get_text() == "No estimate whose bias\ncould change the verdict"


def test_the_waterfall_ends_where_the_posterior_is():
    found = _fit(worked_example())
    ax = evidence_waterfall(found, _axes(), by="item")
    names = [tick.get_text() for tick in ax.get_yticklabels()]
    assert names == ["before any evidence", "did", "scale", *names[3:-1], "all evidence"]
    assert set(names[3:-1]) == {"hoop", "gun", "straw"}
    p = found.cells[0].posterior.probability[0]
    assert ax.lines[-2].get_xdata()[0] == pytest.approx(np.log(p[2] / (p[0] + p[1])))


def test_order_effects_and_direction_are_in_the_legend():
    ax = evidence_waterfall(_fit([did(), survey(value=-0.05), *interviews()]), _axes())
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words == ["speaks for benefit", "speaks against benefit", "in other orders", "threshold 90%"]
    hatches = {bar.get_hatch() for bar in ax.patches}
    assert hatches == {"", "////"}


def test_searches_have_a_name_in_the_waterfall():
    searched = ce.Silence(stream="documents", reason="searched_not_found", p_detect=0.5, **KEY)
    ax = evidence_waterfall(_fit([did(), searched]), _axes(), by="item", language="sv")
    assert ax.get_yticklabels()[2].get_text() == "eftersökt, inte funnet: dokument"


def test_many_items_fit_into_a_figure_of_their_own():
    many = [sign(f"test number {i:02d}", (0.6, 0.5, 0.4)) for i in range(40)]
    found = _fit(many)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ax = evidence_waterfall(found, Figure(figsize=(6.4, 14.0), layout="constrained").subplots(), by="item")
        _rendered(ax)
    assert len(ax.get_yticklabels()) == 42


@pytest.mark.parametrize(("claims", "groups"), [(1, 1), (3, 6), (20, 15)])
@pytest.mark.parametrize("language", LANGUAGES)
def test_matrices_of_any_size(claims, groups, language):
    table = _readings(claims, groups)
    ax = _rendered(convergence_matrix(table, _axes(), language=language))
    marks = sum(len(line.get_xdata()) for line in ax.lines)
    assert marks == 3 * claims * groups
    assert (len(ax.get_yticklabels()), len(ax.get_xticklabels())) == (claims, groups)
    text = convergence_alt(table, language=language)
    assert str(claims) in text
    assert "{" not in text


def test_each_stream_has_its_place_and_each_sign_its_form():
    table = _readings(3, 6)
    ax = convergence_matrix(table, _axes())
    found = {round(float(x) % 1, 3) for line in ax.lines for x in line.get_xdata()}
    assert found == {0.167, 0.5, 0.833}
    assert len({mark for mark, _, _ in SIGN_STYLES.values()}) == len(SIGN_STYLES)
    title = ax.get_legend().get_title().get_text().replace("\n", " ")
    assert title == "In each cell from left to right: economic, survey, interviews"
    hatched = {patch.get_hatch() for patch in ax.patches}
    assert {"////", "...."} <= hatched


def test_a_matrix_without_assessments_or_rows():
    table = _readings(2, 2).drop(columns="assessment")
    assert not {patch.get_hatch() for patch in convergence_matrix(table, _axes()).patches} - {"", None}
    assert "contradict" not in convergence_alt(table)
    _rendered(convergence_matrix(table.iloc[:0], _axes()))
    assert convergence_alt(table.iloc[:0]) == "Matrix of claims and organisations without any."


class _Found:
    """Two tables of findings, as the figure reads them."""

    def __init__(self, table):
        self.table = table

    def completeness(self):
        return self.table.drop(columns="assessment")

    def assessment(self):
        return self.table.drop_duplicates(["claim", "group"])[["claim", "group", "assessment"]]


def test_findings_are_read_from_their_tables():
    table = _readings(2, 3)
    assert convergence_alt(_Found(table)) == convergence_alt(table)
    one, other = (convergence_matrix(source, _axes()) for source in (_Found(table), table))
    assert [line.get_xydata().tolist() for line in one.lines] == [line.get_xydata().tolist() for line in other.lines]


def test_what_says_nothing_has_a_sign_too():
    table = _readings(1, 1).assign(status=["silent", "uninformative", "speaks"], state=["", "undecided", "harm"])
    words = [text.get_text() for text in convergence_matrix(table, _axes()).get_legend().get_texts()]
    assert words[:3] == ["points to harm", "says next to nothing", "silent"]


def _programme(**verdicts):
    preset = Theory.preset("seven_innovation_gaps")
    table = pd.DataFrame([{"claim": claim.id, "group": "programme", "verdict": "silent"} for claim in preset.claims])
    table["verdict"] = [verdicts.get(claim, "silent") for claim in table["claim"]]
    return Triangulation(preset).fit([]), table


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", [(7.2, 4.2), (3.0, 2.4), (14.0, 9.0)])
def test_the_preset_as_a_graph(language, size):
    empty, table = _programme(
        turnover_growth="harmful",
        contacts_global="beneficial",
        contacts_firms="withheld",
        contacts_policy="not published",
        recruitment_from_education="no material effect",
    )
    ax = _rendered(theory_graph(empty, _axes(*size), verdicts=table, language=language))
    boxes = [text.get_text() for text in ax.texts if text.get_text() and text.get_zorder() == 3]
    assert len(boxes) == 13
    signs = [text.get_text().strip() for text in ax.texts if text.get_zorder() == 5]
    assert sorted(sign for sign in signs if sign) == sorted(["−−", "++", "~", "·", "0"])
    text = theory_alt(empty, verdicts=table, language=language)
    assert "13" in text
    assert "{" not in text


def test_graph_of_one_arrow_and_of_many_claims_on_one():
    ax = _rendered(theory_graph(_fit(worked_example()), _axes()))
    assert [text.get_text() for text in ax.texts if text.get_zorder() == 5] == ["+"]
    claim = {"outcome": "y", "scale": "log", "horizon": 3, "delta": 0.01, "rivals": ["r"], "link": "ab"}
    crowded = Theory.from_dict(
        {
            "nodes": {"a": {"kind": "activity", "en": "Word " * 60}, "b": {"kind": "outcome", "en": "x" * 80}},
            "links": {"ab": {"from": "a", "to": "b"}, "ba": {"from": "b", "to": "a"}, "aa": {"from": "a", "to": "a"}},
            "claims": {f"c{i}": claim for i in range(20)},
            "rivals": {"r": {}},
        }
    )
    verdicts = [*VERDICTS[:-1], "not published"]
    table = pd.DataFrame([{"claim": f"c{i}", "group": "K", "verdict": verdicts[i % len(verdicts)]} for i in range(20)])
    found = Triangulation(crowded).fit([])
    ax = _rendered(theory_graph(found, _axes(), verdicts=table))
    discs = [text.get_text() for text in ax.texts if text.get_zorder() == 5]
    assert discs == ["++ 3", "+ 3", "0 3", "− 3", "−− 2", "? 2", "~ 2", "· 2"]
    assert "no claim" in [text.get_text() for text in ax.get_legend().get_texts()]
    assert theory_alt(found, verdicts=table).endswith("Arrows without a claim: 2.")


def test_a_group_must_be_named_where_there_are_several():
    two = _fit([did(), did(group="K02", value=-0.2)])
    for act in (theory_graph, theory_alt):
        with pytest.raises(NotStoredError, match="one of K01, K02"):
            act(two)
        with pytest.raises(NotStoredError, match="no verdicts for group 'K03'"):
            act(two, group="K03")
    assert "harmful 1" in theory_alt(two, group="K02")


def test_arrows_differ_by_line_where_colours_do_not_tell():
    assert {line for _, _, line in ARROW_STYLES.values()} == {"-", "--", "-."}
    assert arrow_verdict(["beneficial", "beneficial"]) == "beneficial"
    assert set(ARROW_STYLES) - {"mixed"} == set(VERDICTS) - {"silent"}


def test_names_with_strange_characters_do_not_break_the_graph():
    odd = theory()
    data = odd.to_dict()
    data["nodes"]["a"]["en"] = "Dollar $x$ and\ttab\x00"
    found = Triangulation(Theory.from_dict(data), prior=PRIOR).fit(worked_example())
    ax = _axes()
    with pytest.MonkeyPatch.context() as patch:
        import matplotlib as mpl

        patch.setitem(mpl.rcParams, "text.parse_math", False)
        _rendered(theory_graph(found, ax))
    label = next(text.get_text() for text in ax.texts if "Dollar" in text.get_text())
    assert "\x00" not in label
    assert "\t" not in label

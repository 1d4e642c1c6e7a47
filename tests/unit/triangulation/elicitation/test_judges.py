from datetime import date

import numpy as np
import pandas as pd
import pytest

import triangulation_cases as cases
from clustereffects.errors import ColumnError, EvidenceError, FileError, OptionError
from clustereffects.interviews import bridge_from_frame, krippendorff_alpha
from clustereffects.results import Diagnostic
from clustereffects.triangulation import Theory
from clustereffects.triangulation.elicitation import Elicitation, ElicitedTest, Judgement

TEST = ElicitedTest(id="T01", claim="growth", code="M1", group="market", registered=date(2013, 2, 15))
TOML = """
[tests.T01]
claim = "growth"
code = "M1"
group = "market"
registered = 2013-02-15
roles = ["owner"]

[[tests.T01.judgements]]
judge = "A"
rival = "export_boom"
asked_first = "p_negligible"
p_negligible = "unlikely"
p_benefit = "likely"

[[tests.T01.judgements]]
judge = "B"
rival = "export_boom"
asked_first = "p_negligible"
p_negligible = "very unlikely"
p_benefit = "very likely"
p_harm = "very unlikely"
"""


def theory(rivals, extra):
    plain = cases.theory().to_dict()
    plain["claims"]["growth"]["rivals"] = rivals
    return Theory.from_dict(plain | {"rivals": plain["rivals"] | extra})


def judged(judge="A", rival="export_boom", negligible="unlikely", benefit="likely", **more):
    given = {"test": "T01", "asked_first": "p_negligible"} | more
    return Judgement(judge=judge, rival=rival, p_negligible=negligible, p_benefit=benefit, **given)


def elicited(*judgements, **more):
    return Elicitation(tests=(TEST,), judgements=judgements, **more)


def test_disagreement_becomes_the_range_not_the_average():
    found = elicited(
        judged("A"), judged("B", benefit="very likely"), judged("A", "new_owner", "about as likely as not")
    )
    assert found.chances("T01") == {"p_benefit": (0.66, 0.99), "p_negligible": (0.1, 0.66), "p_harm": (0.1, 0.66)}


def test_harm_is_as_no_effect_unless_it_was_asked():
    found = elicited(judged("A", p_harm="very unlikely"), judged("B", p_harm="very unlikely"))
    assert found.chances("T01")["p_harm"] == (0.01, 0.1)
    assert "harm" not in found.table()["flags"].iloc[0]
    assert "harm not asked" in elicited(judged("A"), judged("B")).table()["flags"].iloc[0]


def test_ranges_fit_diagnostics_and_the_bridge():
    found = elicited(judged("A"), judged("B"))
    item = Diagnostic(
        id="x", claim="growth", group="K01", stream="interviews", observed=True, test="T01", **found.chances("T01")
    )
    assert item.p_negligible == (0.1, 0.33)
    row = found.to_bridge().rows[0]
    assert (row.code, row.group, row.registered, row.p_benefit) == ("M1", "market", date(2013, 2, 15), (0.66, 0.9))


def test_diagnostics_name_the_elicitation_they_come_from():
    found = elicited(judged("A"), judged("B"), name="judgements.toml")
    about = {"claim": "growth", "group": "K01", "stream": "interviews", "observed": True}
    items = [
        Diagnostic(id=name, test=name, **about, p_benefit=0.6, p_negligible=0.3, p_harm=0.3) for name in ("T01", "T02")
    ]
    marked = found.marked(items)
    assert marked[0].elicitation == f"judgements.toml {found.fingerprint[:12]}"
    assert marked[1] == items[1]
    turned = elicited(judged("B"), judged("A"))
    assert turned.fingerprint == found.fingerprint
    assert elicited(judged("A"), judged("B", benefit="unlikely")).fingerprint != found.fingerprint


def test_what_suggested_a_test_reaches_the_bridge():
    late = ElicitedTest(id="T02", claim="growth", code="M2", suggested_by="T01")
    found = Elicitation(tests=(TEST, late), judgements=(judged(), judged(test="T02")))
    assert [row.suggested_by for row in found.to_bridge().rows] == ["", "T01"]


def test_tests_without_a_code_stay_out_of_the_bridge():
    tests = (TEST, ElicitedTest(id="T02", claim="growth"))
    found = Elicitation(tests=tests, judgements=(judged(), judged(test="T02")))
    assert [row.test for row in found.to_bridge().rows] == ["T01"]
    assert found.table()["test"].tolist() == ["T01", "T02"]


def test_measured_type_one_errors_replace_the_judges():
    found = elicited(judged("A"), judged("B"))
    assert found.to_bridge({"T01": (0.02, 0.28)}).rows[0].p_negligible == (0.02, 0.28)
    row = found.table({"T01": (0.02, 0.28)}).iloc[0]
    assert (row["p_negligible_low"], row["p_harm_low"]) == (0.02, 0.1)
    assert "measured" in row["flags"]


def test_kind_and_support_are_derived():
    row = elicited(judged("A"), judged("B", benefit="very likely")).table().iloc[0]
    assert row["kind"] == "hoop or doubly decisive or smoking gun or straw in the wind"
    assert row["support_if_seen"] == "limited support"
    assert (row["ratio_low"], row["ratio_high"]) == pytest.approx((2.0, 9.9))
    assert "kind" not in set(ElicitedTest.__slots__)


def test_the_rival_comes_first():
    late = judged("B", asked_first="p_benefit")
    with pytest.raises(EvidenceError, match="asked for the claim before the rival"):
        elicited(judged("A"), late)
    flags = elicited(judged("A"), late, order="flag").table()["flags"].iloc[0]
    assert "judge 'B' was asked for the claim before the rival 'export_boom'" in flags


def test_one_judge_is_flagged():
    assert "1 of at least 2 judges" in elicited(judged()).table()["flags"].iloc[0]
    assert "judges" not in elicited(judged(), minimum_judges=1).table()["flags"].iloc[0]


def test_rivals_nobody_supposed_are_shown_and_foreign_ones_refused():
    both = theory(rivals=["boom", "owner"], extra={"owner": {}})
    found = elicited(judged("A", "boom"), judged("B", "boom")).against(both)
    assert found.to_numpy().tolist() == [["T01", "growth", "boom", 2], ["T01", "growth", "owner", 0]]
    with pytest.raises(EvidenceError) as caught:
        Elicitation(
            tests=(TEST, ElicitedTest(id="T02", claim="jobs")), judgements=(judged("A"), judged("A", test="T02"))
        ).against(both)
    assert "rival 'export_boom' is not one of claim 'growth'" in str(caught.value)
    assert "claim 'jobs' is not in the theory" in str(caught.value)


def test_judges_can_be_left_out():
    found = elicited(judged("A"), judged("B", benefit="very likely"))
    assert found.only({"A"}).chances("T01")["p_benefit"] == (0.66, 0.9)
    with pytest.raises(EvidenceError, match="nobody judged test 'T01'"):
        found.only({"C"})


def test_everything_wrong_is_said_at_once():
    with pytest.raises(EvidenceError) as caught:
        Elicitation(
            tests=(TEST, TEST, ElicitedTest(id="T09", claim="", target="rival:")),
            judgements=(
                judged(rival=""),
                judged(benefit="0.7"),
                judged("B", test="T77"),
                judged("C"),
                judged("C"),
                judged("D", asked_first="later"),
            ),
        )
    text = str(caught.value)
    for part in (
        "test 'T01' occurs twice",
        "claim is empty",
        "target is 'rival:'",
        "nobody judged test 'T09'",
        "no rival",
        "p_benefit is '0.7'",
        "not a number",
        "unknown test 'T77'",
        "judged twice: T01, C, export_boom",
        "asked_first is 'later'",
    ):
        assert part in text


def test_unknown_tests_are_refused_and_no_tests_too():
    with pytest.raises(EvidenceError, match="no test 'T02'"):
        elicited(judged()).chances("T02")
    with pytest.raises(EvidenceError, match="there are no tests"):
        Elicitation(tests=(), judgements=())


def test_toml_and_tables_say_the_same(tmp_path):
    path = tmp_path / "judgements.toml"
    path.write_text(TOML, encoding="utf-8")
    from_file = Elicitation.from_toml(path)
    tests = pd.DataFrame({"id": ["T01"], "claim": "growth", "code": "M1", "group": "market", "roles": "owner"})
    tests["registered"] = pd.Timestamp("2013-02-15")
    rows = [[getattr(one, name) or None for name in Judgement.__slots__] for one in from_file.judgements]
    from_frame = Elicitation.from_frame(pd.DataFrame(rows, columns=list(Judgement.__slots__)), tests)
    assert from_frame.tests == from_file.tests
    assert from_frame.judgements == from_file.judgements
    assert from_file.tests[0].roles == ("owner",)
    assert from_file.name == "judgements.toml"


def test_the_bridge_survives_a_round_trip_through_a_table(tmp_path):
    path = tmp_path / "judgements.toml"
    path.write_text(TOML, encoding="utf-8")
    bridge = Elicitation.from_toml(path).to_bridge()
    frame = bridge.table().assign(roles="owner")
    for name in ("p_benefit", "p_negligible", "p_harm"):
        frame[name] = [f"{low}-{high}" for low, high in frame[name]]
    assert bridge_from_frame(frame).fingerprint == bridge.fingerprint


def test_own_scales_in_the_file(tmp_path):
    words = ["nästan aldrig", "sällan", "ibland", "ofta", "nästan alltid"]
    ends = [0.02, 0.1, 0.3, 0.6, 0.9, 0.98]
    levels = ", ".join(f'["{w}", {a}, {b}]' for w, a, b in zip(words, ends, ends[1:], strict=False))
    text = TOML.replace("very unlikely", words[0]).replace("unlikely", words[1])
    text = text.replace("very likely", words[4]).replace("likely", words[3])
    path = tmp_path / "judgements.toml"
    path.write_text(f'[scale]\nsource = "own"\nlevels = [{levels}]\n{text}', encoding="utf-8")
    assert Elicitation.from_toml(path).chances("T01")["p_benefit"] == (0.6, 0.98)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tests", "not TOML"),
        ("[else]\n", "unknown table 'else'"),
        ("[tests]\nT01 = 3\n", "not a table"),
        (TOML.replace("code =", "kode ="), "unknown key 'kode'"),
        (TOML.replace('claim = "growth"', ""), "no 'claim'"),
        (TOML.replace('p_benefit = "likely"', ""), "no 'p_benefit'"),
        (TOML.replace("2013-02-15", '"soon"'), "registered is 'soon'"),
        ("[scale]\nlevels = [1]\n" + TOML, "levels cannot be read"),
        ('[scale]\nlevels = [["a", 0.1, 0.2]]\n' + TOML, "1 levels"),
    ],
)
def test_files_with_mistakes(tmp_path, text, message):
    path = tmp_path / "judgements.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(EvidenceError, match=message):
        Elicitation.from_toml(path)


def test_missing_file_and_columns(tmp_path):
    with pytest.raises(FileError, match="no judgements can be read"):
        Elicitation.from_toml(tmp_path / "none.toml")
    with pytest.raises(ColumnError, match="columns are missing: claim") as caught:
        Elicitation.from_frame(pd.DataFrame({"test": ["T01"], "mood": "good"}), pd.DataFrame({"id": ["T01"]}))
    assert "unknown columns: mood" in str(caught.value)


def test_agreement_is_ordinal_alpha_over_tests_and_rivals():
    words = ["very unlikely", "unlikely", "about as likely as not", "likely", "very likely"]
    rng = np.random.default_rng(2)
    ranks = rng.integers(0, 5, 12)
    other = np.clip(ranks + rng.integers(-1, 2, 12), 0, 4)
    tests = tuple(ElicitedTest(id=f"T{i:02}", claim="growth", code=f"M{i}") for i in range(12))
    judgements = [
        judged(judge, test=f"T{i:02}", benefit=words[rank], negligible="unlikely")
        for judge, chosen in (("A", ranks), ("B", other))
        for i, rank in enumerate(chosen)
    ]
    table = Elicitation(tests=tests, judgements=tuple(judgements)).agreement(draws=200, rng=3).set_index("question")
    expected = krippendorff_alpha(np.stack([ranks, other], axis=1) + 1, level="ordinal").value
    row = table.loc["p_benefit"]
    assert row["alpha"] == pytest.approx(expected, abs=1e-12)
    assert row["conf_low"] < row["alpha"] < row["conf_high"]
    assert (row["units"], row["judges"]) == (12, 2)
    # nobody varied on the other question: no coefficient, and no interval either
    assert np.isnan(table.loc["p_negligible", ["alpha", "conf_low"]].astype(float)).all()
    assert table.loc["p_negligible", "undefined_draws"] == 200
    assert list(table.index) == ["p_benefit", "p_negligible", "all"]


def test_agreement_refuses_impossible_options():
    with pytest.raises(OptionError, match="level 2"):
        elicited(judged()).agreement(level=2)

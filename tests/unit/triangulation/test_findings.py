import json
import pickle

import numpy as np
import pytest

from clustereffects.errors import FileError, NotStoredError, OptionError
from clustereffects.results import BiasEvidence, BiasTerm, Silence
from clustereffects.triangulation import VERDICT_COLUMNS, Triangulation
from clustereffects.triangulation.conflict import node_splits
from clustereffects.triangulation.posterior import stream_alone
from triangulation_cases import KEY, PRIOR, did, interviews, model, sign, survey, theory, worked_example


@pytest.fixture(scope="module")
def findings():
    ranged = [did(group="K02", bias_range=(-0.02, 0.02)), survey(group="K02", bias_range=(0.02, 0.10))]
    signs = [
        sign(
            f"{s.id} 2",
            (s.p_benefit, s.p_negligible, s.p_harm),
            group="K02",
            dependence="g",
            rho=0.5,
            unreliability=0.1,
        )
        for s in interviews()
    ]
    quiet = Silence(claim="growth", group="K03", stream="survey", reason="not_asked")
    return Triangulation(theory(), prior=PRIOR).fit([*worked_example(), *ranged, *signs, quiet])


def test_verdicts_have_the_columns_of_the_contract(findings):
    table = findings.verdicts()
    names = ["claim", "group", "verdict", "lower", "upper", "p_benefit", "p_negligible", "p_harm", "tipping"]
    assert list(table.columns) == names == list(VERDICT_COLUMNS)
    assert table["verdict"].tolist() == ["probably beneficial", "withheld", "silent"]
    assert table["group"].tolist() == ["K01", "K02", "K03"]


def test_what_is_withheld_keeps_its_bounds_only(findings):
    table = findings.verdicts().set_index("group")
    probabilities = ["p_benefit", "p_negligible", "p_harm"]
    assert table.loc["K01", probabilities].sum() == pytest.approx(1)
    assert table.loc["K01", "lower"] == table.loc["K01", "upper"] == table.loc["K01", "p_benefit"]
    assert table.loc["K02", probabilities].isna().all()
    assert [round(table.loc["K02", name], 3) for name in ("lower", "upper")] == [0.879, 0.992]
    assert "runs from 88 % to 99 %" in table.loc["K02", "tipping"]
    assert table.loc["K03", [*probabilities, "lower", "upper"]].isna().all()
    assert table.loc["K03", "tipping"] == "No evidence: the survey (not asked)."


def test_posterior(findings):
    curve = findings.posterior("growth", "K01")
    assert (curve.mean, curve.sd) == (pytest.approx(0.0505387, abs=1e-7), pytest.approx(0.0254721, abs=1e-7))
    assert curve.p_harm + curve.p_negligible + curve.p_benefit == pytest.approx(1)
    area = np.sum(np.diff(curve.theta) * (curve.density[1:] + curve.density[:-1]) / 2)
    assert area == pytest.approx(1, abs=2e-3)
    assert curve.cdf[0] == pytest.approx(0, abs=1e-12)
    assert curve.cdf[-1] == pytest.approx(1, abs=1e-12)
    assert np.interp(0.01, curve.theta, curve.cdf) == pytest.approx(1 - curve.p_benefit, abs=1e-10)
    low, high = curve.interval(0.9)
    assert curve.quantile(0.05) == pytest.approx(low)
    assert low < curve.mean < high
    with pytest.raises(OptionError, match="level 1"):
        curve.quantile(1)


def test_posterior_without_evidence_is_the_prior(findings):
    assert findings.posterior("growth", "K03").mean == pytest.approx(0, abs=1e-12)


def test_unknown_cells(findings):
    with pytest.raises(NotStoredError, match="no finding on claim 'growth' for group 'K99'"):
        findings.posterior("growth", "K99")


def test_tables(findings):
    assert findings.bounds()["state"].tolist() == ["harm", "negligible", "benefit"] * 2
    assert findings.effects()["group"].tolist() == ["K01", "K02"]
    left = findings.leave_one_out().query("group == 'K01'")
    assert left.loc[left["kind"] == "stream", "left_out"].tolist() == ["economic", "survey", "interviews"]
    assert left.loc[left["kind"] == "group", "left_out"].tolist() == ["respondents"]
    assert left.loc[left["kind"] == "item", "left_out"].tolist() == ["did", "scale", "gun", "hoop", "straw"]
    conflicts = findings.conflicts()
    assert conflicts["test"].tolist() == ["node split", "prior and estimates", "all estimates"] * 2
    assert conflicts.loc[conflicts["test"] == "node split", "p_raw"].round(2).tolist() == [0.06, 0.06]
    assert conflicts["p_holm"].notna().tolist() == [True, False, False] * 2
    sweep = findings.rho_sweep()
    assert sweep.groupby("group")["rho"].count().tolist() == [11, 11]
    middle = sweep[(sweep["group"] == "K01") & (sweep["rho"].round(6) == 0.5)]
    assert middle["p_benefit"].item() == pytest.approx(findings.verdicts()["p_benefit"][0])


def test_sensitivity_says_what_flips(findings):
    table = findings.sensitivity()
    first = table[table["group"] == "K01"]
    assert first["robust"].all()
    assert set(first.loc[first["flips"], "test"]) == {"tipping bias", "tipping ratio"}
    assert not table.loc[table["group"] == "K02", "robust"].any()


def test_weights_models_and_reach(findings):
    weights = findings.stream_weights()
    shares = weights.drop_duplicates(["group", "verdict"]).groupby("group")["share"].sum()
    assert shares.tolist() == pytest.approx([1, 1])
    assert weights.groupby(["group", "verdict"])["central_weight"].sum().to_numpy() == pytest.approx(1)
    models = findings.multiverse()
    declared = (models["prior_width"] == 1) & (models["wide_weight"] == 0.2) & (models["rho"] == "declared")
    declared &= (models["unreliability"] == "declared") & (models["likelihood"] == "steps")
    own = findings.verdicts().set_index("group").loc["K01", "p_benefit"]
    assert models.loc[declared & (models["group"] == "K01"), "p_benefit"].item() == pytest.approx(own)
    assert models["same"].between(0, 1).all()
    reach = findings.reach().set_index(["group", "state"])
    assert reach.loc[("K01", "benefit"), "possible"]
    assert not reach.loc[("K01", "negligible"), "possible"]


def test_tipping_at_another_threshold(findings):
    strict = findings.tipping(threshold=0.95).set_index(["group", "quantity", "stream"])["tips_at"]
    usual = findings.tipping().set_index(["group", "quantity", "stream"])["tips_at"]
    assert strict["K01", "bias", "economic"] < usual["K01", "bias", "economic"]
    assert strict["K01", "power", "interviews"] > 0


def test_an_undecided_verdict_can_tip_either_way():
    findings = Triangulation(theory()).fit([did(0.03, 0.02, 0.0)])
    tips = findings.tipping().set_index("quantity")
    assert tips.loc["bias", "becomes"] == "probably beneficial"
    assert tips.loc["bias", "tips_at"] < 0


def test_a_verdict_on_one_stream_is_not_robust():
    findings = Triangulation(theory()).fit([did(0.1, 0.01, 0.0)])
    assert findings.leave_one_out()["flips"].tolist() == [True, True]
    assert findings.verdicts()["tipping"][0].startswith("Rests on the economic estimate alone.")


def test_without_any_evidence_there_is_nothing():
    findings = Triangulation(theory()).fit([])
    assert findings.verdicts().empty
    assert findings.sensitivity().empty
    assert findings.rivals().empty


def test_account_loses_nothing(findings):
    account = findings.account()
    assert account.rows_in == 11
    assert dict(account.dropped) == {"not_asked": 1}
    assert dict(account.counts) == {"estimates": 4, "diagnostics on the effect": 6}


def test_audit_is_the_same_for_the_same_inputs(findings, tmp_path):
    evidence = worked_example()
    one = Triangulation(theory(), prior=PRIOR).fit(evidence).to_dict()
    other = Triangulation(theory(), prior=PRIOR).fit(evidence[::-1]).to_dict()
    assert one == other
    changed = Triangulation(theory(), prior=PRIOR).fit([did(0.061), *evidence[1:]]).to_dict()
    assert changed["inputs"] != one["inputs"]
    path = findings.audit(tmp_path / "audit.json")
    stored = json.loads(path.read_text(encoding="utf-8"))
    assert stored["inputs"] == findings.to_dict()["inputs"]
    assert stored["verdicts"][1]["p_benefit"] is None
    assert {"numpy", "clustereffects"} <= set(stored["versions"])
    with pytest.raises(FileError, match="audit file cannot be written"):
        findings.audit(tmp_path / "no folder" / "audit.json")


def test_findings_survive_pickling_and_have_a_short_repr(findings):
    again = pickle.loads(pickle.dumps(findings))  # noqa: S301
    assert again.verdicts().equals(findings.verdicts())
    assert repr(findings) == "<Findings: 3 cells; 1 probably beneficial, 1 withheld, 1 silent>"


@pytest.mark.parametrize(
    "item",
    [
        BiasEvidence(**KEY, id="B", stream="interviews", target_stream="economic", shift=0.01),
        sign("R", (0.2, 0.6, 0.5), target="rival:boom"),
    ],
)
def test_what_does_not_bear_on_the_effect_was_handed_in_all_the_same(item):
    (text,) = Triangulation(theory()).fit([item]).verdicts()["tipping"]
    assert text == "No evidence: nothing but signs of biases or of rivals."


def test_convergence_codes():
    shared_sign = BiasTerm(domain="optimism", mean=0.06, sd=0.02)  # large enough to explain both
    items = [
        did(0.08, 0.01, bias=(shared_sign,)),
        survey(0.08, 0.01, bias=(shared_sign,)),
        sign("weak", (0.5, 0.49, 0.5)),
        Silence(**KEY, stream="documents", reason="missing"),
    ]
    table = Triangulation(theory()).fit(items).convergence().set_index(["first", "second"])
    assert table.loc[("economic", "survey"), "code"] == "agreement"
    assert "could explain the agreement" in table.loc[("economic", "survey"), "note"]
    assert table.loc[("economic", "interviews"), "code"] == "uninformative"


@pytest.mark.parametrize(
    ("first", "second", "code", "note"),
    [
        (did(0.08, 0.01, 0.0), survey(-0.08, 0.01, 0.0, 0.0), "dissonance", ""),
        (did(0.08, 0.01, 0.0), survey(0.12, 0.02, 0.0, 0.0), "partial", ""),
        (did(0.08, 0.01, 0.0, -0.01), survey(0.12, 0.01, 0.02, 0.03), "agreement", "opposite directions"),
        (did(0.06, 0.02, 0.03), survey(0.14, 0.02, 0.05, 0.05), "agreement", "adjusted ones do not"),
    ],
)
def test_convergence_of_two_estimates(first, second, code, note):
    table = Triangulation(theory()).fit([first, second]).convergence()
    row = table[(table["first"] == "economic") & (table["second"] == "survey")].iloc[0]
    assert row["code"] == code
    assert note in row["note"]


def test_silence_gives_its_reason():
    quiet = Silence(**KEY, stream="survey", reason="not_measured")
    table = Triangulation(theory()).fit([did(), quiet]).convergence()
    assert table["code"].tolist() == ["silence"] * 3
    assert table["note"].tolist()[0] == "survey: not_measured"
    assert table["note"].tolist()[1] == "interviews: nothing handed in"


@pytest.mark.parametrize("ask", ["verdicts", "bands"])
def test_other_languages_are_refused(findings, ask):
    with pytest.raises(OptionError, match="language 'de'"):
        getattr(findings, ask)("de")


@pytest.mark.parametrize("threshold", ["x", 0.4, 1.2, float("nan")])
def test_impossible_thresholds_are_refused(findings, threshold):
    with pytest.raises(OptionError, match="threshold is"):
        findings.tipping(threshold)


def test_bias_evidence_alone_is_something_that_was_handed_in():
    item = BiasEvidence(**KEY, id="B", stream="interviews", target_stream="economic", shift=0.01)
    sentence = Triangulation(theory()).fit([item]).verdicts()["tipping"][0]
    assert sentence == "No evidence: nothing but signs of biases or of rivals."


def test_plot(findings):
    import matplotlib.pyplot as plt

    ax = findings.plot()
    assert len(ax.texts) == 3
    plt.close(ax.figure)


def test_information_gain_of_one_estimate_has_a_closed_form():
    alone = stream_alone(model([did(0.06, 0.03, 0.04)]), 0)[1]
    prior, noise = 0.15**2, 0.03**2 + 0.04**2
    variance = 1 / (1 / prior + 1 / noise)
    mean = variance * 0.06 / noise
    assert alone == pytest.approx(0.5 * (variance / prior + mean**2 / prior - 1 - np.log(variance / prior)), rel=1e-8)


def test_proportional_bias_widens_a_node_split():
    factor = BiasTerm(domain="scale", kind="proportional", mean=np.log(2), sd=0.4)
    split = node_splits(model([did(0.06, 0.02, 0.0), survey(0.2, 0.02, bias=(factor,))]))[0]
    assert split.difference == pytest.approx(0.06 - 0.1)
    assert split.std_error == pytest.approx(np.sqrt(0.02**2 + 0.01**2 + 0.1**2 * np.expm1(0.16)))

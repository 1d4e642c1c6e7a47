"""Engines side by side on cells: what each concludes, what it warns of, when it refuses."""

import numpy as np
import pandas as pd
import pytest

from clustereffects.errors import OptionError
from clustereffects.results import BiasEvidence, BiasTerm, Silence
from clustereffects.triangulation import Thresholds, Triangulation
from clustereffects.triangulation.cell_finding import find_cell
from clustereffects.triangulation.comparison import (
    COMPARISON_COLUMNS,
    ENGINES,
    EngineResult,
    agreement_by_engine,
    case_of,
    compare,
)
from clustereffects.triangulation.comparison._stream_engines import opinions_of
from clustereffects.triangulation.comparison.opinions import projected
from clustereffects.triangulation.sorting import sort_evidence
from triangulation_cases import KEY, PRIOR, did, interviews, sign, survey, theory, worked_example

STREAM_ENGINES = ["bayes", "linear_pool", "log_pool", "subjective_logic", "dempster"]


def cells(evidence):
    built = theory()
    found = sort_evidence(built, evidence)
    return [find_cell(built.claim(claim), group, cell, PRIOR, Thresholds()) for (claim, group), cell in found.items()]


def table(evidence, *engines):
    return compare(cells(evidence), engines or tuple(ENGINES)).set_index("engine")


def case(evidence):
    cell = cells(evidence)[0]
    return case_of(cell.model, cell.evidence, cell.posterior.probability[0])


def test_worked_example():
    found = table(worked_example())
    assert list(compare(cells(worked_example())).columns) == list(COMPARISON_COLUMNS)
    assert found.index.tolist() == list(ENGINES)
    beneficial = set(ENGINES) - {"linear_pool", "log_pool"}
    assert set(found.index[found["verdict"] == "probably beneficial"]) == beneficial
    assert found["agrees"].tolist() == [name in beneficial for name in ENGINES]
    assert found.loc["bayes", "score"] == pytest.approx(0.969, abs=1e-3)
    assert found.loc["linear_pool", "score"] == pytest.approx(np.mean(case(worked_example()).alone[:, 2]))
    assert found["assumption"].str.len().gt(0).all()
    assert found["score_means"].str.len().gt(0).all()


def test_a_single_stream_is_its_own_opinion_in_every_stream_engine():
    found, alone = table([did()], *STREAM_ENGINES[1:4]), case([did()]).alone[0, 2]
    np.testing.assert_allclose(found["score"].astype(float), alone, rtol=1e-10)


def test_a_null_finding_is_found_by_the_engines_that_have_a_place_for_it():
    found = table([did(value=0.0, std_error=0.002, bias_sd=0.001)])
    null = found.index[found["verdict"] == "no material effect"].tolist()
    assert null == ["bayes", "linear_pool", "log_pool", "subjective_logic", "dempster", "vote"]
    assert found.loc[["rubric", "p_values"], "verdict"].tolist() == ["undecided", "undecided"]
    assert found.loc["process_tracing", "verdict"] == "silent"
    assert "cannot tell no effect from no information" in found.loc["rubric", "warning"]


def test_harm_is_the_mirror_of_benefit():
    mirrored = [did(value=-0.06), survey(value=-0.12, bias_mean=-0.05)]
    found = table([did(), survey()])
    other = table(mirrored)
    swap = {"probably beneficial": "probably harmful"}
    assert other["verdict"].tolist() == [swap.get(word, word) for word in found["verdict"]]
    assert other.loc["rubric", "score"] == -found.loc["rubric", "score"]


def test_dempster_refuses_in_conflict():
    found = table([did(value=-0.08, bias_sd=0.01), survey(bias_sd=0.01)])
    assert found.loc["dempster", "verdict"] == "refused"
    assert found.loc["dempster", "conflict"] > 0.5
    assert pd.isna(found.loc["dempster", "agrees"])
    assert "Zadeh" in found.loc["dempster", "warning"]
    assert "conflict" in found.loc["subjective_logic", "warning"]
    assert "contradict each other" in found.loc["p_values", "warning"]
    assert found.loc["p_values", "verdict"] == "undecided"


def test_dempster_refuses_complete_contradiction():
    certain = [sign("yes", (1.0, 0.0, 0.0)), sign("no", (0.0, 0.5, 0.5), stream="documents", unreliability=1e-12)]
    found = table(certain, "dempster").iloc[0]
    assert found["verdict"] == "refused"
    assert found["conflict"] == pytest.approx(1.0)


def test_a_strong_conflict_counts_as_uncertainty_only_in_the_compromise():
    warning = table([did(value=-0.08, bias_sd=0.01), survey(bias_sd=0.01)]).loc["subjective_logic", "warning"]
    assert "consensus & compromise 0.5" in warning


def test_the_operator_follows_declared_dependence():
    separate = table([did(), survey()]).loc["subjective_logic"]
    shared = table([did(dependence="firms"), survey(dependence="firms")]).loc["subjective_logic"]
    assert "cumulative fusion" in separate["score_means"]
    assert "averaging fusion" in shared["score_means"]
    assert shared["score"] < separate["score"]


def test_opinions_keep_the_streams_probabilities():
    given = case(worked_example())
    belief, uncertainty = opinions_of(given)
    np.testing.assert_allclose(belief.sum(axis=1) + uncertainty, 1.0, rtol=1e-12)
    for row, doubt, alone in zip(belief, uncertainty, given.alone, strict=True):
        np.testing.assert_allclose(projected((row, doubt), given.base), alone, atol=1e-12)


def test_a_stream_without_information_is_vacuous():
    given = case([sign("nothing", (0.5, 0.5, 0.5))])
    np.testing.assert_allclose(given.alone[0], given.base, rtol=1e-9)
    assert opinions_of(given)[1][0] == pytest.approx(1.0)


def test_a_stream_that_says_nothing_dilutes_pools_and_rubric_only():
    evidence, silent = [did(), survey()], sign("nothing", (0.5, 0.5, 0.5))
    before, after = (table(items, *STREAM_ENGINES, "rubric") for items in (evidence, [*evidence, silent]))
    unmoved = ["bayes", "subjective_logic", "dempster"]
    np.testing.assert_allclose(after.loc[unmoved, "score"], before.loc[unmoved, "score"], rtol=1e-6)
    assert (after["score"] < before["score"] - 1e-3)[["linear_pool", "log_pool", "rubric"]].all()


def test_the_order_of_the_evidence_is_irrelevant():
    evidence = worked_example()
    pd.testing.assert_frame_equal(table(evidence), table(evidence[::-1]))


def test_votes_ignore_dependence_where_the_posterior_does_not():
    many = [sign(f"I{i}", (0.6, 0.4, 0.35), dependence="respondents", rho=1.0) for i in range(9)]
    found = table([did(value=-0.01, std_error=0.05), *many])
    assert found.loc["vote", "verdict"] == "probably beneficial"
    assert found.loc["vote", "score"] == 0.9
    assert found.loc["bayes", "verdict"] == "undecided"
    assert not found.loc["vote", "agrees"]
    assert "times too high" in found.loc["vote", "warning"]


def test_a_failed_hoop_overrides_a_smoking_gun():
    gun, hoop = sign("gun", (0.3, 0.02, 0.02)), sign("hoop", (0.95, 0.5, 0.5), observed=False)
    assert table([gun], "process_tracing")["verdict"].tolist() == ["probably beneficial"]
    found = table([gun, hoop], "process_tracing").iloc[0]
    assert found["verdict"] == "undecided"
    assert found["score"] == 0
    assert "benefit failed" in found["warning"]


def test_reports_on_one_test_count_as_one_test():
    reports = [sign(f"I{i}", (0.5, 0.1, 0.1), observed=i < 3, test="T1") for i in range(8)]
    found = table(reports, "process_tracing").iloc[0]
    # Three of eight is above halfway between .1 and .5.
    assert found["score"] == 3
    found = table(
        [sign(f"I{i}", (0.5, 0.1, 0.1), observed=i < 2, test="T1") for i in range(8)], "process_tracing"
    ).iloc[0]
    assert found["score"] == 1


def test_a_search_without_a_find_is_a_failed_hoop_and_a_vote():
    searched = Silence(stream="documents", reason="searched_not_found", p_detect=0.9, **KEY)
    found = table([sign("gun", (0.3, 0.02, 0.02)), searched])
    easily = Silence(stream="documents", reason="searched_not_found", p_detect=0.6, p_false=0.4, **KEY)
    assert table([sign("gun", (0.3, 0.02, 0.02)), easily]).loc["process_tracing", "score"] == 3
    assert found.loc["process_tracing", "score"] == 0
    assert found.loc["vote", "score"] == 0.5


def test_ranges_enter_at_their_centre():
    wide, exact = sign("s", ((0.8, 1.0), (0.3, 0.5), 0.4)), sign("s", (0.9, 0.4, 0.4))
    pd.testing.assert_frame_equal(table([wide], "vote", "process_tracing"), table([exact], "vote", "process_tracing"))


def test_what_is_withheld_is_withheld_here_too():
    found = table([did(bias_range=(-0.02, 0.02)), survey(bias_range=(0.02, 0.10)), *interviews()])
    assert found.loc["bayes", "verdict"] == "withheld"
    assert np.isnan(found.loc["bayes", "score"])
    assert "from 88 % to " in found.loc["bayes", "warning"]
    assert found["agrees"].isna().all()
    assert (agreement_by_engine(found.reset_index())["withheld"] == 1).all()


def test_an_uninformative_item_has_no_vote():
    found = table([sign("nothing", (0.5, 0.5, 0.5))], "vote").iloc[0]
    assert found["verdict"] == "silent"
    assert pd.isna(found["agrees"])


def test_near_vetoes_of_the_log_pool_are_named():
    assert "near veto: survey gives harm" in table([did(), survey(bias_sd=0.01)]).loc["log_pool", "warning"]


def test_rank_flips_are_counted_against_other_organisations():
    others = [did(group="K02", value=0.2, std_error=0.01), survey(group="K02", value=0.0), did(group="K03", value=0.0)]
    found = compare(cells([did(), survey(), *others]), ["rubric"]).set_index("group")
    assert "against 1 of 2 other organisations" in found.loc["K01", "warning"]
    assert "against 0 of 2 other organisations" in found.loc["K03", "warning"]


def test_mostly_judged_evidence_is_said():
    assert "elicited" in table([sign("hoop")], "bayes").iloc[0]["warning"]
    assert not table([did()], "bayes").iloc[0]["warning"]


def test_a_surprised_prior_and_a_reached_ceiling_are_said():
    warning = table([did(value=0.6, bias_sd=0.01)], "bayes").iloc[0]["warning"]
    assert "surprise the prior" in warning
    assert "is bias" not in warning
    shared = {"dependence": "firms", "bias_sd": 0.06}
    warning = table([did(**shared), did(id="again", **shared)], "bayes").iloc[0]["warning"]
    assert "85% of the variance of the estimates is bias" in warning


def test_the_ceiling_counts_shared_bias_and_bias_evidence():
    courtesy = BiasTerm(domain="courtesy", sd=0.05, shared="courtesy")
    many = [survey(id=f"S{i}", std_error=0.05, bias=(courtesy,)) for i in range(20)]
    assert "95% of the variance" in table(many, "bayes").iloc[0]["warning"]
    told = BiasEvidence(id="B", stream="interviews", target_stream="economic", sd=0.1, **KEY)
    # .03² and .1² of bias against .025² of sampling error
    assert "95% of the variance" in table([did(), told], "bayes").iloc[0]["warning"]


def test_disagreement_has_a_direction():
    clear, null = [did(), survey()], [did(value=0.0, std_error=0.002, bias_sd=0.001, group="K02")]
    torn = [did(value=-0.08, bias_sd=0.01, group="K03"), survey(bias_sd=0.01, group="K03")]
    found = agreement_by_engine(compare(cells([*clear, *null, *torn]))).set_index("engine")
    parts = ["agrees", "more_favourable", "less_favourable", "otherwise", "refused", "silent"]
    assert (found[parts].sum(axis=1) == found["cells"]).all()
    assert (found["cells"] == 3).all()
    assert found.loc["bayes", "agrees"] == 3
    assert found.loc["linear_pool", "less_favourable"] == 1
    assert found.loc["rubric", "otherwise"] == 1
    assert found.loc["dempster", "refused"] == 1
    assert found.loc["process_tracing", "silent"] == 3
    assert agreement_by_engine(compare([])).empty


def test_agreement_needs_something_to_agree_with():
    with pytest.raises(OptionError, match="nothing to agree with"):
        agreement_by_engine(compare(cells([did()]), ["vote"]))


def test_silent_cells_have_no_row():
    silent = Silence(stream="survey", reason="not_asked", claim="growth", group="K02")
    assert compare(cells([did(), silent]), ["bayes"])["group"].tolist() == ["K01"]
    assert compare([]).empty


def test_unknown_engines_are_named():
    with pytest.raises(OptionError, match="unknown engines: oracle, tarot"):
        compare([], ["bayes", "oracle", "tarot"])


def test_a_result_needs_a_known_verdict_and_a_reason_to_refuse():
    base = {"engine": "vote", "score_means": "", "assumption": ""}
    with pytest.raises(OptionError, match="2 problems"):
        EngineResult(verdict="splendid", refused="because", **base)
    with pytest.raises(OptionError, match="refusal"):
        EngineResult(verdict="refused", **base)


def test_the_comparison_takes_the_cells_of_findings():
    findings = Triangulation(theory(), prior=PRIOR).fit(worked_example())
    assert compare(findings.cells, ["bayes"], findings.thresholds)["agrees"].all()

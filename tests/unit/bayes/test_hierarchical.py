"""Options, input and result of partial pooling."""

import json

import numpy as np
import pandas as pd
import pytest

from clustereffects.bayes import HierarchicalEffects, PosteriorEffects, Sampler
from clustereffects.bayes.hierarchical import provisional_effect_sd
from clustereffects.errors import ColumnError, EstimationError, InputError, OptionError
from clustereffects.results import TIDY_COLUMNS, BiasTerm, Cluster, Effects, MultiplierBootstrap

FIXED = HierarchicalEffects(effect_sd=0.05)


def _check(result, name):
    return next((check for check in result.checks() if check.name == name), None)


def test_all_wrong_options_are_listed_at_once():
    with pytest.raises(OptionError, match="6 problems") as caught:
        HierarchicalEffects(
            effect_sd=0.0, mean_sd=np.inf, degrees_of_freedom=-1, likelihood="laplace", draws=5, sampler=4
        )
    text = str(caught.value)
    assert "option effect_sd=0.0 – expected a finite number above 0, or None" in text
    assert "option likelihood='laplace' – expected 'normal' or 'student_t'" in text
    assert "option sampler=4 – expected Sampler(...) or None" in text
    assert "option draws=5 – expected a whole number, at least 100" in text


def test_student_t_needs_a_sampler():
    with pytest.raises(OptionError, match=r"a sampler for likelihood='student_t'.*give sampler=Sampler\(\)"):
        HierarchicalEffects(likelihood="student_t")
    assert HierarchicalEffects(likelihood="student_t", sampler=Sampler()).degrees_of_freedom == 4.0


def test_wrong_options_of_the_sampler_are_listed_at_once():
    with pytest.raises(OptionError, match="5 problems") as caught:
        Sampler(draws=1, tune=2.5, chains=1, cores=0, target_accept=1.0)
    assert "option chains=1 – expected a whole number, at least 2" in str(caught.value)
    assert "option target_accept=1.0 – expected a number from 0.5 to below 1" in str(caught.value)


def test_provisional_scale_is_robust_and_follows_the_unit():
    y, v = np.array([0.0, 0.1, 0.2, 0.3, 0.4]), np.full(5, 0.01)
    expected = np.sqrt((0.1 / 0.6744897501960817) ** 2 + 0.01)
    assert provisional_effect_sd(y, v) == pytest.approx(expected)
    assert provisional_effect_sd(1000 * y, 1e6 * v) == pytest.approx(1000 * expected)
    wild = np.append(y, np.nan), np.append(v, 100.0)
    assert provisional_effect_sd(*wild) == pytest.approx(expected)


def test_tidy_has_the_columns_of_the_contract(table):
    pooled = FIXED.fit(table, rng=1)
    tidy = pooled.tidy()
    assert tidy.columns.tolist() == ["group", *TIDY_COLUMNS]
    assert tidy[["statistic", "p_value"]].isna().all().all()
    assert set(tidy["interval"]) == {"equal-tailed credible"}
    assert set(tidy["method"]) == {"hierarchical normal–normal model, exact quadrature"}
    assert tidy["term"].tolist() == ["group[A]", "group[B]", "group[C]", "group[D]"]
    np.testing.assert_allclose(tidy["estimate"], pooled.params)
    np.testing.assert_allclose(tidy["std_error"], np.sqrt(np.diag(pooled.cov)))
    assert pooled.conf_int(0.5).loc["group[A]"].tolist() == pooled.tidy(0.5).loc[0, ["conf_low", "conf_high"]].tolist()
    assert (pooled.conf_int(0.5)["conf_low"] > pooled.conf_int(0.9)["conf_low"]).all()
    with pytest.raises(OptionError, match="level=95 – expected a number strictly between 0 and 1"):
        pooled.tidy(95)


def test_limits_hold_their_probability(table):
    pooled = FIXED.fit(table, rng=1)
    for row in pooled.tidy(0.8).itertuples():
        assert pooled.probability(above=row.conf_low)[row.group] == pytest.approx(0.9)
        assert pooled.probability(above=row.conf_high)[row.group] == pytest.approx(0.1)
    assert pooled.probability().name == "p_above_0"


def test_simultaneous_intervals_hold_all_organisations_at_once(table):
    pooled = HierarchicalEffects(effect_sd=0.05, draws=20_000).fit(table, rng=1)
    band = pooled.tidy(0.9, simultaneous=True)
    assert set(band["interval"]) == {"simultaneous credible, 20000 draws"}
    draws = HierarchicalEffects(effect_sd=0.05, draws=20_000).fit(table, rng=2).engine.draws.effects
    inside = (draws >= band["conf_low"].to_numpy()) & (draws <= band["conf_high"].to_numpy())
    assert inside.all(axis=1).mean() == pytest.approx(0.9, abs=0.01)
    assert (pooled.conf_int(0.9, simultaneous=True)["conf_low"] < pooled.conf_int(0.9)["conf_low"]).all()


def test_seed_moves_rankings_only(table):
    first, again, other = FIXED.fit(table, rng=1), FIXED.fit(table, rng=1), FIXED.fit(table, rng=2)
    assert first.ranking().equals(again.ranking())
    assert not first.ranking().equals(other.ranking())
    assert first.tidy().equals(other.tidy())
    assert first.provenance.seed == 1
    drawn = FIXED.fit(table, rng=np.random.default_rng(5))
    assert drawn.ranking().equals(FIXED.fit(table, rng=drawn.provenance.seed).ranking())
    assert first.provenance.fingerprint == other.provenance.fingerprint
    assert first.provenance.fingerprint != FIXED.fit(table.assign(estimate=0.1), rng=1).provenance.fingerprint
    assert first.provenance.options["effect_sd"] == 0.05


def test_ranking_is_sorted_and_its_probabilities_add_up(table):
    pooled = FIXED.fit(table, rng=1)
    ranking = pooled.ranking()
    assert ranking.columns.tolist() == [
        "group", "rank_mean", "rank_median", "rank_low", "rank_high", "p_best", "p_worst", "sucra", "p_best_error"
    ]  # fmt: skip
    assert ranking["rank_mean"].is_monotonic_increasing
    assert ranking["p_best"].sum() == pytest.approx(1.0)
    assert ranking["group"].iloc[0] == "C"
    chances = pooled.rank_probabilities()
    assert chances.columns.tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(chances.sum(axis=0), 1.0)
    assert chances.loc["C", 1] == ranking["p_best"].iloc[0]


def test_shrinkage_shows_own_and_pooled_effects(table):
    shrinkage = FIXED.fit(table, rng=1).shrinkage(0.9)
    assert {"group", "estimate", "pooled", "conf_low", "conf_high", "weight_of_mean"} <= set(shrinkage.columns)
    assert shrinkage["estimate"].tolist() == table["estimate"].tolist()
    assert shrinkage["weight_of_mean"].between(0, 1).all()
    assert shrinkage["weight_of_mean"].idxmax() == 2  # the least precise estimate


def test_heterogeneity_and_programme_state_level_and_interval(table):
    pooled = FIXED.fit(table, rng=1)
    heterogeneity = pooled.heterogeneity(0.8)
    assert heterogeneity["quantity"].tolist() == ["tau", "i_squared"]
    assert set(heterogeneity["level"]) == {0.8}
    assert (heterogeneity["conf_low"] < heterogeneity["median"]).all()
    programme = pooled.programme().set_index("quantity")
    assert programme.loc["new organisation", "std_error"] > programme.loc["mean", "std_error"]
    assert programme["p_positive"].between(0.5, 1).all()


def test_summary_prints_the_prior_and_where_it_comes_from(table):
    assert "tau half-normal(0.05), as given" in str(FIXED.fit(table, rng=1).summary())
    provisional = HierarchicalEffects(mean_sd=0.2).fit(table, rng=1)
    text = str(provisional.summary())
    assert "mean normal(0, 0.2); tau half-normal(0.03" in text
    assert "provisional: derived from the data" in text
    assert _check(provisional, "prior of the heterogeneity").remedy.startswith("fix effect_sd before seeing the data")
    assert provisional.glance()["effect_sd_provisional"].item()
    assert "organisations" in provisional.summary().to_html()
    assert repr(provisional).startswith("PosteriorEffects('', 4 organisations")


def test_organisations_without_an_estimate_get_the_prediction_and_are_flagged(table):
    frame = table.copy()
    frame.loc[1, "estimate"] = np.nan
    frame = pd.concat(
        [frame, pd.DataFrame({"group": ["E"], "estimate": [0.07], "std_error": [0.0]})], ignore_index=True
    )
    pooled = FIXED.fit(frame, rng=1)
    new = pooled.programme().set_index("quantity").loc["new organisation"]
    tidy = pooled.tidy().set_index("group")
    for group in ("B", "E"):
        assert tidy.loc[group, "estimate"] == pytest.approx(new["estimate"])
        assert tidy.loc[group, "std_error"] == pytest.approx(new["std_error"])
        assert tidy.loc[group, "conf_high"] == pytest.approx(new["conf_high"])
    assert pooled.shrinkage()["reason"].tolist() == ["", "no estimate", "", "", "no standard error"]
    check = _check(pooled, "organisations without a usable estimate")
    assert check.verdict == "warn"
    assert "B (no estimate), E (no standard error)" in check.message
    assert pooled.sample.dropped == {"no estimate": 1, "no standard error": 1}
    assert pooled.sample.rows_used == 3
    assert pooled.leave_one_out()["p_value"].isna().tolist() == [False, True, False, False, True]


def test_fewer_than_three_organisations_are_refused(table):
    with pytest.raises(EstimationError, match=r"partial pooling of 2 organisations.*expected at least 3"):
        FIXED.fit(table.head(2))
    three = FIXED.fit(table.head(3), rng=1)
    check = _check(three, "number of organisations")
    assert (check.verdict, check.statistic) == ("warn", 3.0)


def test_tables_that_cannot_be_read_are_refused(table):
    with pytest.raises(ColumnError, match="2 problems") as caught:
        FIXED.fit(table.drop(columns=["estimate", "std_error"]))
    assert "rename the column, or give cov= instead of std_error" in str(caught.value)
    with pytest.raises(ColumnError, match="expected a column 'group' or 'term'"):
        FIXED.fit(table.drop(columns="group"))
    with pytest.raises(ColumnError, match="column 'estimate' is not numeric"):
        FIXED.fit(table.assign(estimate="high"))
    with pytest.raises(ColumnError, match="negative standard errors – 4 rows"):
        FIXED.fit(table.assign(std_error=-1.0))
    with pytest.raises(InputError, match=r"several estimates for one organisation – 1 organisations \(A\)"):
        FIXED.fit(table.assign(group=["A", "A", "B", "C"]))
    with pytest.raises(TypeError, match="expected a pandas, polars or pyarrow table, got int"):
        FIXED.fit(7)


def test_covariance_is_checked(table):
    good = np.diag(table["std_error"] ** 2)
    with pytest.raises(InputError, match=r"the covariance has the shape \(3, 3\) – 4 organisations"):
        FIXED.fit(table, cov=good[:3, :3])
    with pytest.raises(InputError, match="standard errors and covariance contradict each other – 4 organisations"):
        FIXED.fit(table, cov=2 * good)
    bad = good.copy()
    bad[0, 1] = bad[1, 0] = 5.0
    with pytest.raises(InputError, match=r"is not a covariance matrix.*no negative eigenvalue"):
        FIXED.fit(table, cov=bad)
    with pytest.raises(InputError, match="is not a covariance matrix"):
        FIXED.fit(table, cov=good + np.triu(np.full((4, 4), 1e-4), 1))
    with pytest.raises(OptionError, match="effects bring their own covariance"):
        FIXED.fit(_as_effects(table), cov=good)


def _as_effects(table):
    """Effects without influence function, as read from a file."""
    from clustereffects.data.account import SampleAccount
    from clustereffects.results import Description
    from clustereffects.results.uncertainty import Uncertainty

    error = table["std_error"].to_numpy()
    labels = pd.DataFrame({"group": table["group"].to_numpy()}, index=[f"group[{g}]" for g in table["group"]])
    return Effects(
        labels=labels,
        estimate=table["estimate"].to_numpy(),
        description=Description(estimand="e", method="m", outcome="y", aggregation="group"),
        sample=SampleAccount(rows_in=4, rows_used=4),
        stored=Uncertainty(covariance=np.diag(error**2), std_error=error, df=np.inf, convention="as stored"),
    )


def test_a_covariance_with_names_is_put_in_order(table):
    names = table["group"].tolist()
    cov = pd.DataFrame(np.diag(table["std_error"] ** 2), index=names, columns=names)
    cov.loc["A", "B"] = cov.loc["B", "A"] = 4e-4
    shuffled = cov.loc[names[::-1], names[::-1]]
    ordered, mixed = FIXED.fit(table, cov=cov, rng=1), FIXED.fit(table, cov=shuffled, rng=1)
    assert ordered.tidy().equals(mixed.tidy())
    assert not np.allclose(ordered.params, FIXED.fit(table, rng=1).params)
    by_term = cov.set_axis([f"group[{n}]" for n in names]).set_axis([f"group[{n}]" for n in names], axis=1)
    without = FIXED.fit(table.drop(columns="std_error"), cov=by_term, rng=1)
    np.testing.assert_allclose(without.params, ordered.params)


def test_terms_and_words_of_a_tidy_table_are_kept(table):
    frame = table.rename(columns={"group": "term"}).assign(estimand="growth", method="survey")
    pooled = FIXED.fit(frame, rng=1)
    assert pooled.params.index.tolist() == ["A", "B", "C", "D"]
    assert pooled.estimand == "growth, partially pooled over organisations"
    assert "survey" in str(pooled.summary())


def test_polars_tables_are_accepted(table):
    import polars as pl

    assert FIXED.fit(pl.from_pandas(table), rng=1).params.equals(FIXED.fit(table, rng=1).params)


def test_effects_are_aggregated_by_group_with_their_full_covariance(make_effects):
    cells = make_effects()
    own = cells.aggregate("group")
    pooled, same = FIXED.fit(cells, rng=1), FIXED.fit(own, rng=1)
    assert pooled.tidy().equals(same.tidy())
    off_diagonal = own.cov.to_numpy()[~np.eye(4, dtype=bool)]
    assert (off_diagonal > 0).all()  # shared controls
    frame = own.tidy()[["group", "estimate", "std_error"]]
    np.testing.assert_allclose(FIXED.fit(frame, cov=own.cov.to_numpy(), rng=1).params, pooled.params)
    assert not np.allclose(FIXED.fit(frame, rng=1).params, pooled.params)
    assert pooled.data.outcome == "log_sales"
    assert pooled.estimand == "effect on members, partially pooled over organisations"
    with pytest.raises(OptionError, match="aggregated by event already"):
        FIXED.fit(cells.aggregate("event"))


@pytest.mark.parametrize("variance", [Cluster("organisation"), MultiplierBootstrap(cluster="organisation"), None])
def test_errors_by_organisation_are_not_used_for_single_organisations(make_effects, variance):
    plain = FIXED.fit(make_effects(), rng=1)
    assigned = make_effects(variance=variance, assignment=("organisation",))
    pooled = FIXED.fit(assigned, rng=1)
    np.testing.assert_allclose(pooled.params, plain.params)
    np.testing.assert_allclose(pooled.std_errors, plain.std_errors)
    if variance is not None:
        clustered = assigned.aggregate("group").std_errors
        assert (clustered < 0.9 * plain.shrinkage()["std_error"].to_numpy()).any()
        assert "say nothing about a single organisation" in _check(pooled, "errors within organisations").message


def test_other_clusters_are_used(make_effects):
    effects = make_effects(variance=Cluster("county"), extra=lambda n: {"county": np.arange(n) % 6})
    pooled = FIXED.fit(effects, rng=1)
    np.testing.assert_allclose(pooled.shrinkage()["std_error"], effects.aggregate("group").std_errors)
    assert "clustered by county" in pooled.data.convention
    assert _check(pooled, "errors within organisations") is None


def test_a_single_firm_gives_no_error_of_its_own(make_effects):
    pooled = FIXED.fit(make_effects(members=(8, 8, 8, 3, 1)), rng=1)
    assert pooled.shrinkage()["reason"].tolist() == ["", "", "", "", "fewer than two firms: no error of its own"]
    assert _check(pooled, "organisations with few firms").statistic == 1.0


def test_effects_read_from_a_file_are_pooled_as_stored(table):
    pooled = FIXED.fit(_as_effects(table), rng=1)
    np.testing.assert_allclose(pooled.params, FIXED.fit(table, rng=1).params)
    assert pooled.data.convention == "as stored"


def test_sensitivity_names_its_priors(table):
    five = pd.concat([table, table.head(1).assign(group="E")], ignore_index=True)
    grid = FIXED.fit(five, rng=1).sensitivity()
    assert grid["prior"].tolist() == [
        "half-normal, as fitted",
        "half-normal, half as wide",
        "half-normal, twice as wide",
        "half-Cauchy, same scale",
        "uniform",
    ]
    assert grid["largest_shift"].iloc[0] == 0.0
    assert grid["tau_median"].iloc[1] < grid["tau_median"].iloc[0] < grid["tau_median"].iloc[2]
    assert len(FIXED.fit(table, rng=1).sensitivity()) == 4  # a uniform prior needs more organisations


def test_checks_speak_when_something_is_wrong():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"group": list("ABCDEFGH"), "estimate": rng.normal(0, 1.0, 8), "std_error": 0.05})
    narrow = HierarchicalEffects(effect_sd=0.1).fit(frame, rng=1)
    assert _check(narrow, "heterogeneity against its prior").verdict == "warn"
    assert _check(narrow, "numerical integration").verdict == "pass"
    frame["estimate"] = [0.0, 0.01, -0.01, 0.02, -0.02, 0.0, 0.01, 2.0]
    outlier = HierarchicalEffects(effect_sd=0.05).fit(frame, rng=1)
    common = _check(outlier, "organisations come from one distribution")
    assert common.verdict == "warn"
    assert "predict worst is H" in common.message
    weak = pd.DataFrame({"group": list("ABC"), "estimate": [-1.0, 0.0, 1.0], "std_error": 0.5})
    sensitive = HierarchicalEffects(effect_sd=0.4).fit(weak, rng=1)
    assert _check(sensitive, "sensitivity to the prior").verdict == "warn"
    assert "warn: sensitivity to the prior" in str(sensitive.summary())


def test_linearly_dependent_errors_are_flagged(table):
    cov = np.diag(table["std_error"] ** 2)
    cov[0, 1] = cov[1, 0] = 9e-4
    assert _check(FIXED.fit(table, cov=cov, rng=1), "covariance of the estimates").verdict == "warn"


def test_plain_data_round_trip(table):
    frame = table.copy()
    frame.loc[3, "estimate"] = np.nan
    pooled = HierarchicalEffects(draws=500).fit(frame, rng=3)
    again = PosteriorEffects.from_dict(json.loads(json.dumps(pooled.to_dict(), allow_nan=False)))
    pd.testing.assert_frame_equal(again.tidy(), pooled.tidy())
    pd.testing.assert_frame_equal(again.ranking(), pooled.ranking())
    assert [c.message for c in again.checks()] == [c.message for c in pooled.checks()]
    assert again.provenance == pooled.provenance
    assert str(again.summary()) == str(pooled.summary())


def test_findings_survive_the_round_trip(make_effects):
    pooled = FIXED.fit(make_effects(members=(8, 8, 8, 3), variance=Cluster("organisation")), rng=1)
    again = PosteriorEffects.from_dict(json.loads(json.dumps(pooled.to_dict(), allow_nan=False)))
    assert [repr(check) for check in again.data.findings] == [repr(check) for check in pooled.data.findings]
    assert len(again.data.findings) == 2


def test_convergence_of_the_exact_posterior_is_a_matter_of_course(table):
    found = HierarchicalEffects(draws=800).fit(table, rng=1).convergence
    assert found["parameter"].tolist() == ["mean", "tau", "effect[A]", "effect[B]", "effect[C]", "effect[D]"]
    assert found["r_hat"].isna().all()
    assert set(found["ess_bulk"]) == {800.0}
    assert set(found["mcse_mean"]) == {0.0}


def test_the_posterior_is_an_arviz_object_of_either_generation(table):
    posterior = HierarchicalEffects(draws=800).fit(table, rng=1).posterior.posterior
    assert dict(posterior.sizes) == {"chain": 4, "draw": 200, "group": 4}
    assert posterior["group"].to_numpy().tolist() == ["A", "B", "C", "D"]
    assert set(posterior.data_vars) == {"mean", "tau", "effect"}


def test_plots_are_drawn(table):
    import matplotlib.pyplot as plt

    pooled = FIXED.fit(table, rng=1)
    axes = pooled.shrinkage_plot()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["A", "B", "C", "D"]
    _, own = plt.subplots()
    assert pooled.plot(own, level=0.8) is own
    plt.close("all")


def test_pooled_effects_are_evidence(table):
    wanted = pd.concat([table, pd.DataFrame({"group": ["E"], "estimate": [np.nan], "std_error": [np.nan]})])
    pooled = FIXED.fit(wanted, rng=1)
    items = pooled.as_evidence(claim="growth", bias=(BiasTerm(domain="selection", sd=0.1),), unit="log")
    assert [item.group for item in items] == ["A", "B", "C", "D"], "nothing was observed of E"
    assert [item.value for item in items] == pooled.params.iloc[:4].tolist()
    assert [item.std_error for item in items] == pooled.std_errors.iloc[:4].tolist()
    first = items[0]
    assert (first.stream, first.unit, first.bias[0].domain) == ("economic", "log", "selection")
    assert "pooled over organisations" in first.source
    assert first.provenance.source_hash == pooled.provenance.fingerprint

"""The effect on the untreated: weights, balance, and what is said of whom."""

import numpy as np
import pandas as pd
import pytest

import clustereffects as ce


def frame(n=120, treated=30):
    rng = np.random.default_rng(0)
    joined = np.arange(n) < treated
    return pd.DataFrame({"joined": joined, "size": rng.normal(size=n) + 0.5 * joined, "age": rng.normal(size=n)})


def of_untreated(table, **options):
    return ce.Matching(on=["size", "age"], estimand="ATC", **options).fit_frame(table, treatment="joined")


@pytest.mark.parametrize("method", ["nearest", "optimal", "full"])
def test_every_untreated_unit_counts_once_for_the_effect_on_the_untreated(method):
    table = frame()
    match = of_untreated(table, method=method)
    weight = match.weights.reindex(table.index).fillna(0.0)
    assert weight[~table["joined"]].to_numpy() == pytest.approx(1.0)
    assert weight[table["joined"]].sum() == pytest.approx(90.0)


@pytest.mark.parametrize("method", ["nearest", "full"])
def test_balance_before_and_after_are_of_the_same_sides(method):
    table = frame()
    found = of_untreated(table, method=method).balance().set_index("covariate").loc["size"]
    means = table.groupby("joined")["size"].mean()
    assert (found["mean_treated_before"], found["mean_control_before"]) == pytest.approx((means[True], means[False]))
    assert found["sd"] == pytest.approx(table.loc[table["joined"], "size"].std())
    assert found["mean_control_after"] == pytest.approx(means[False])


def test_accounts_and_checks_of_pairs_speak_of_untreated_units():
    table = frame()
    match = of_untreated(table, caliper=0.3)
    lost = len(match.unmatched())
    assert lost > 0
    counts = match.sample.counts
    assert (counts["untreated units"], counts["matched untreated units"]) == (90, 90 - lost)
    assert counts["treated units"] == match.n_treated
    assert match.sample.rows_in == 90 == match.sample.rows_used + sum(match.sample.dropped.values())
    checks = {check.name: check for check in match.checks()}
    message = checks["unmatched untreated units"].message
    assert message == (
        f"{lost} of 90 untreated units have no treated unit; the effect is that on the {90 - lost} others"
    )
    times = match.pairs().groupby("treated").size()
    assert f"one serves up to {times.max()} untreated units" in checks["reuse of treated units"].message


@pytest.mark.parametrize("estimand", ["ATC", "ATE"])
def test_untreated_units_left_out_of_sets_are_counted(estimand):
    table = frame()
    table.loc[[100, 101], "age"] = np.nan
    options = ce.Matching(on=["size", "age"], estimand=estimand, method="coarsened_exact")
    match = options.fit_frame(table, treatment="joined")
    checks = {check.name: check for check in match.checks()}
    lost = 90 - match.n_controls
    message = checks["unmatched untreated units"].message
    assert message == f"{lost} of 90 untreated units are in no set with treated units; the effect leaves them out"
    assert checks["unmatched treated units"].message.endswith("have no control; the effect leaves them out")
    everyone = ce.Matching(on=["size", "age"], estimand=estimand, method="entropy").fit_frame(
        frame(), treatment="joined"
    )
    assert {check.name: check.verdict for check in everyone.checks()}["unmatched untreated units"] == "pass"

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, optimize, stats

from clustereffects.errors import CodingError, ColumnError, EvidenceError, OptionError
from clustereffects.interviews import Codings, DiagnosticOptions, bootstrap_agreement
from clustereffects.triangulation.elicitation import (
    answers_from_items,
    coding_errors,
    negative_controls,
    type_one_errors,
    type_one_ranges,
)
from clustereffects.triangulation.elicitation.rates import rate_interval, systematic_error, without_report_error
from clustereffects.triangulation.likelihoods import contaminated


def _codings(disagree):
    """Thirty interviews read by A and B; A finds M1 in every third, B differs in some."""
    rows = []
    for i in range(30):
        found = i % 3 == 0
        rows += [(f"I{i}", "K01", coder, "M1" if found ^ (coder == "B" and i in disagree) else "") for coder in "AB"]
        rows += [(f"I{i}", "K01", coder, "M2") for coder in "AB" if i % 2]
    return Codings(pd.DataFrame(rows, columns=["source", "organisation", "coder", "code"]).drop_duplicates())


def test_coding_errors_are_those_of_the_diagnostics_with_an_interval():
    codings = _codings({1, 6, 20})
    table = coding_errors(codings, draws=300, rng=4).set_index("code")
    used = codings.unreliability().set_index("code")
    assert table["unreliability"].tolist() == used.loc[table.index, "unreliability"].tolist()
    one = table.loc["M1"]
    assert one["low"] < one["unreliability"] < one["high"]
    assert table.loc["M2", "unreliability"] < one["unreliability"]
    values = np.array([[i % 3 == 0, (i % 3 == 0) ^ (i in {1, 6, 20})] for i in range(30)], dtype=float)
    interval = bootstrap_agreement(values, "alpha", draws=300, rng=np.random.default_rng(4))
    assert one["high"] == pytest.approx(1 - np.sqrt(interval.low), abs=1e-12)


def test_coding_errors_need_two_coders_and_respect_the_floor():
    alone = Codings(pd.DataFrame({"source": ["I1"], "organisation": "K01", "coder": "A", "code": ["M1"]}))
    with pytest.raises(CodingError, match="no interview was read by two coders"):
        coding_errors(alone)
    assert (coding_errors(_codings(set()), DiagnosticOptions(floor=0.08), draws=50, rng=1)["low"] >= 0.08).all()


def test_type_one_errors_by_test():
    answers = pd.DataFrame(
        {"test": ["T01"] * 20 + ["T02"] * 5, "seen": [1] * 2 + [0] * 18 + [1.0, 0.0, None, None, None]}
    )
    table = type_one_errors(answers).set_index("test")
    assert table["asked"].tolist() == [20, 2]
    assert table["rate"].tolist() == [0.1, 0.5]
    wide = table["high"] - table["low"]
    assert wide["T02"] > wide["T01"]
    assert type_one_ranges(table.reset_index())["T01"] == (table.loc["T01", "low"], table.loc["T01", "high"])


def test_type_one_errors_are_freed_of_the_reports_error_and_the_engine_puts_it_back():
    answers = pd.DataFrame({"test": "T01", "seen": [True] * 30 + [False] * 70})
    plain = type_one_errors(answers).iloc[0]
    freed = type_one_errors(answers, report={"T01": (0.2, 0.5)}).iloc[0]
    again = contaminated(
        np.array([[freed["low"], freed["rate"], freed["high"]]]), np.array([True]), np.array([0.2]), np.array([0.5])
    )
    assert again[0] == pytest.approx([plain["low"], plain["rate"], plain["high"]])


def test_questionnaire_items_become_signs():
    outside = pd.DataFrame({"g1": [5, 4, 3, np.nan], "g2": ["1", "5", None, "4"], "x": 1})
    long = answers_from_items(outside, {"g1": "T01", "g2": "T02"}, at_least=4)
    table = type_one_errors(long).set_index("test")
    assert table[["seen", "asked"]].to_numpy().tolist() == [[2, 3], [2, 3]]
    with pytest.raises(ColumnError, match="items are missing: g9"):
        answers_from_items(outside, {"g9": "T01"}, at_least=4)


def test_wrong_answers_are_refused():
    with pytest.raises(ColumnError, match="columns are missing: seen"):
        type_one_errors(pd.DataFrame({"test": ["T01"]}))
    with pytest.raises(EvidenceError, match="seen holds 'maybe', 3"):
        type_one_errors(pd.DataFrame({"test": "T01", "seen": [True, "maybe", 3]}))
    with pytest.raises(OptionError, match="unreliability"):
        without_report_error([0.2], [1.0], [0.5])


def test_intervals_at_the_ends_and_impossible_counts():
    table = rate_interval([0, 10, 0], [10, 10, 0])
    assert table[0, 1] == 0
    assert table[1, 2] == 1
    assert np.isnan(table[2, 0])
    assert table[2, 1:].tolist() == [0, 1]
    with pytest.raises(OptionError) as caught:
        rate_interval([3], [2], level=1, method="wald")
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize("spread_sd", [0.02, 0.1])
def test_bias_of_negative_controls_against_direct_integration(spread_sd):
    rng = np.random.default_rng(8)
    s = rng.uniform(0.01, 0.05, 6)
    y = 0.03 + rng.normal(0, 0.03, 6) + rng.normal(0, s)
    # average and spread on a dense grid; the bias of one more estimate is N(average, spread²)
    average, spread = np.linspace(-1, 1.1, 4201)[:, None], np.linspace(0, 8 * spread_sd, 601)
    log_density = stats.halfnorm.logpdf(spread, scale=spread_sd) + sum(
        stats.norm.logpdf(value, average, np.hypot(error, spread)) for value, error in zip(y, s, strict=True)
    )
    density = np.exp(log_density - log_density.max())
    weight = integrate.simpson(density, x=spread, axis=1)
    total = integrate.simpson(weight, x=average[:, 0])
    expected = integrate.simpson(weight * average[:, 0], x=average[:, 0]) / total
    square = integrate.simpson(density * ((average - expected) ** 2 + spread**2), x=spread, axis=1)
    found = systematic_error(y, s, spread_sd=spread_sd)
    assert found.mean == pytest.approx(expected, abs=1e-7)
    assert found.sd == pytest.approx(np.sqrt(integrate.simpson(square, x=average[:, 0]) / total), abs=1e-7)


def test_many_negative_controls_give_the_empirical_null_distribution():
    rng = np.random.default_rng(3)
    s = rng.uniform(0.01, 0.04, 800)
    y = rng.normal(0.02, 0.03, 800) + rng.normal(0, s)

    def minus_log_likelihood(at):
        return -stats.norm.logpdf(y, at[0], np.hypot(s, np.exp(at[1]))).sum()

    fit = optimize.minimize(minus_log_likelihood, [0, -3], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-9})
    found = systematic_error(y, s, spread_sd=0.1)
    assert found.mean == pytest.approx(fit.x[0], abs=1e-4)
    assert found.spread == pytest.approx(np.exp(fit.x[1]), rel=0.01)
    assert found.sd == pytest.approx(np.exp(fit.x[1]), rel=0.01)


def test_negative_controls_become_a_bias_term():
    controls = pd.DataFrame({"value": [0.08, 0.05, 0.06, 0.01], "std_error": 0.02})
    found = negative_controls(controls, spread_sd=0.05)
    assert (found.count, found.significant, found.share) == (4, 3, 0.75)
    assert found.low < 0.75 < found.high
    term = found.term(shared="did")
    assert (term.domain, term.mean, term.sd, term.shared) == ("selection", found.bias_mean, found.bias_sd, "did")
    assert "4 negative controls, 3 significant at 0.05" in term.note


def test_no_bias_is_a_finding_too():
    rng = np.random.default_rng(4)
    controls = pd.DataFrame({"value": rng.normal(0, 0.02, 200), "std_error": 0.02})
    found = negative_controls(controls, spread_sd=0.05)
    assert found.low < found.nominal < found.high
    assert abs(found.bias_mean) < 0.004
    assert found.bias_sd < 0.01


@pytest.mark.parametrize(
    ("values", "errors", "spread", "message"),
    [
        ([0.1], [0.1], 0.1, "1 negative controls"),
        ([0.1, np.nan], [0.1, 0.1], 0.1, "not usable"),
        ([0.1, 0.2], [0.1, 0.0], 0.1, "not usable"),
        ([0.1, 0.2], [0.1, 0.1], 0.0, "spread_sd"),
    ],
)
def test_negative_controls_that_cannot_be_used(values, errors, spread, message):
    with pytest.raises(OptionError, match=message):
        systematic_error(values, errors, spread_sd=spread)


def test_negative_controls_need_their_columns():
    with pytest.raises(ColumnError, match="columns are missing: std_error"):
        negative_controls(pd.DataFrame({"value": [0.1]}), spread_sd=0.1)

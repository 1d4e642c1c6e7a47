"""Clauses on results: immutable, tidy, honest about their sample, and stored without loss."""

import dataclasses
import json
import pickle

import numpy as np
import pandas as pd
import pytest

import clustereffects as ce
from clustereffects.data import SampleAccount
from clustereffects.errors import NotStoredError, OptionError
from clustereffects.results import TIDY_COLUMNS, Check, Effects, Provenance, Summary
from conformance.cases import CASES, fitted

IDS = [case.id for case in CASES]
EFFECTS = [case.id for case in CASES if case.name != "HierarchicalEffects"]
WITH_INFLUENCE = [case.id for case in CASES if case.name in {"GroupTimeDiD", "MatchedDiD"}]
AGGREGATED = [case.id for case in CASES if case.after and case.name in {"GroupTimeDiD", "MatchedDiD"}]
BOOTSTRAPPED = {"group_time_bootstrap", "group_time_bootstrap_town", "group_time_calendar"}
LABELS = ("cohort", "time", "event_time", "group", "sector")
TEXTS = ("term", "interval", "estimand", "method")


@pytest.fixture(params=IDS)
def result(request):
    return fitted(request.param)


@pytest.fixture(params=EFFECTS)
def effects(request):
    return fitted(request.param)


def test_nothing_can_be_set(result):
    for field in dataclasses.fields(result):
        with pytest.raises(dataclasses.FrozenInstanceError, match=field.name):
            setattr(result, field.name, None)
    with pytest.raises(AttributeError):
        result.params = None


def test_what_is_handed_out_is_a_copy(result):
    before = result.tidy()
    frame, cov, params, errors = result.tidy(), result.cov, result.params, result.std_errors
    frame["estimate"] = cov.iloc[0, 0] = params.iloc[0] = errors.iloc[0] = 99.0
    pd.testing.assert_frame_equal(result.tidy(), before)


def test_arrays_are_read_only(effects):
    for array in (effects.estimate, effects.uncertainty.cov, effects.uncertainty.std_error):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 99.0


def test_everything_of_the_contract_is_there(result):
    assert isinstance(result.params, pd.Series)
    assert isinstance(result.std_errors, pd.Series)
    assert isinstance(result.cov, pd.DataFrame)
    assert isinstance(result.summary(), Summary)
    assert isinstance(result.sample, SampleAccount)
    assert isinstance(result.provenance, Provenance)
    assert isinstance(result.to_dict(), dict)
    assert len(result.glance()) == 1
    for text in (result.estimand, result.method):
        assert text
        assert text == text.strip()


def test_tidy_has_the_label_columns_and_then_exactly_the_tidy_columns(result):
    table = result.tidy()
    labels = table.columns[: -len(TIDY_COLUMNS)].tolist()
    assert table.columns.tolist() == [*labels, *TIDY_COLUMNS]
    assert set(labels) <= set(LABELS)
    assert isinstance(table.index, pd.RangeIndex)
    for name in TIDY_COLUMNS:
        text = name in TEXTS
        assert pd.api.types.is_string_dtype(table[name]) == text, name
        assert (table[name].dtype == np.float64) != text, name
    for name in set(labels) - {"group"}:
        assert pd.api.types.is_integer_dtype(table[name]), name
    assert table["term"].is_unique
    assert (table[list(TEXTS)] != "").all(axis=None)
    assert table["estimand"].eq(result.estimand).all()
    assert table["method"].eq(result.method).all()


def test_tidy_agrees_with_everything_else(result):
    table = result.tidy().set_index("term")
    for name, series in (("estimate", result.params), ("std_error", result.std_errors)):
        pd.testing.assert_series_equal(table[name], series, check_names=False, check_index_type=False)
    assert result.cov.index.tolist() == result.cov.columns.tolist() == table.index.tolist()
    pd.testing.assert_frame_equal(result.conf_int(), table[["conf_low", "conf_high"]])
    pd.testing.assert_frame_equal(result.conf_int(0.8), result.tidy(0.8).set_index("term")[["conf_low", "conf_high"]])
    assert table["level"].eq(0.95).all()


def test_missing_values_belong_together(result):
    table = result.tidy()
    unknown = table["std_error"].isna()
    assert unknown.sum() < len(table)
    assert table.loc[unknown, ["statistic", "p_value", "conf_low", "conf_high"]].isna().all(axis=None)
    assert table.loc[~unknown, ["estimate", "conf_low", "conf_high"]].notna().all(axis=None)
    assert (table.loc[~unknown, "std_error"] > 0).all()


def test_intervals_contain_the_estimate_and_levels_nest(result):
    known = result.tidy()["std_error"].notna().to_numpy()
    narrow, wide = result.tidy(0.9)[known], result.tidy(0.95)[known]
    assert (narrow["conf_low"] < narrow["estimate"]).all()
    assert (narrow["estimate"] < narrow["conf_high"]).all()
    assert (wide["conf_low"] < narrow["conf_low"]).all()
    assert (narrow["conf_high"] < wide["conf_high"]).all()


def test_statistics_and_p_values_are_those_of_the_interval(effects):
    table = effects.tidy().dropna(subset="std_error")
    np.testing.assert_allclose(table["statistic"], table["estimate"] / table["std_error"], rtol=1e-12)
    assert table["p_value"].between(0, 1).all()
    excludes_zero = (table["conf_low"] > 0) | (table["conf_high"] < 0)
    pd.testing.assert_series_equal(table["p_value"] < 0.05, excludes_zero, check_names=False)


def test_simultaneous_intervals_contain_pointwise_ones(effects):
    point, band = effects.conf_int(), effects.conf_int(simultaneous=True)
    known = point["conf_low"].notna()
    assert (band["conf_low"] <= point["conf_low"] + 1e-12)[known].all()
    assert (band["conf_high"] >= point["conf_high"] - 1e-12)[known].all()
    assert effects.tidy(simultaneous=True)["interval"].str.startswith("simultaneous sup-t").all()


@pytest.mark.parametrize("level", [0.0, 1.0, 95])
def test_impossible_levels_are_refused(result, level):
    with pytest.raises((ValueError, OptionError), match="strictly between 0 and 1"):
        result.tidy(level)


def test_covariance_is_symmetric_and_positive_semidefinite(result):
    cov = result.cov.to_numpy()
    known = np.isfinite(np.diag(cov))
    block = cov[np.ix_(known, known)]
    np.testing.assert_allclose(block, block.T, rtol=1e-12, atol=1e-18)
    assert np.linalg.eigvalsh(block).min() > -1e-10 * max(np.trace(block), 1e-300)


@pytest.mark.parametrize("case", [name for name in IDS if name not in BOOTSTRAPPED])
def test_standard_errors_are_the_root_of_the_diagonal(case):
    result = fitted(case)
    diagonal = np.sqrt(np.diag(result.cov))
    np.testing.assert_allclose(result.std_errors.dropna(), diagonal[result.std_errors.notna()], rtol=1e-12)


@pytest.mark.parametrize("case", sorted(BOOTSTRAPPED))
def test_bootstrap_errors_are_close_to_the_root_of_the_diagonal(case):
    result = fitted(case)
    ratio = result.std_errors / np.sqrt(np.diag(result.cov))
    assert ratio.dropna().between(0.7, 1.4).all()


def test_the_sample_adds_up(result):
    account = result.sample
    assert account.rows_in == account.rows_used + sum(account.dropped.values())
    assert account.rows_used > 0
    steps = account.to_frame()
    assert steps["rows"].iloc[0] == account.rows_in
    assert steps["rows"].iloc[-1] == account.rows_used


def test_checks_are_checks(result):
    checks = result.checks()
    assert checks
    for check in checks:
        assert isinstance(check, Check)
        assert check.name
        assert check.message
        assert check.remedy or check.ok


def test_provenance_tells_how_to_compute_it_again(result):
    provenance = result.provenance
    assert {"python", "clustereffects", "numpy", "pandas", "scipy"} <= set(provenance.versions)
    assert len(provenance.fingerprint) >= 16
    assert provenance.options
    json.dumps(provenance.to_dict(), allow_nan=False)


def test_seeds_are_in_the_provenance():
    assert fitted("group_time_bootstrap").provenance.seed == 3
    assert fitted("hierarchical").provenance.seed == 5
    assert fitted("two_way").provenance.seed is None


def test_results_pickle(result):
    again = pickle.loads(pickle.dumps(result))  # noqa: S301  (bytes written a moment ago)
    pd.testing.assert_frame_equal(again.tidy(), result.tidy())
    pd.testing.assert_frame_equal(again.cov, result.cov)
    assert repr(again) == repr(result)


def test_results_pass_through_json(result):
    stored = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    again = type(result).from_dict(stored)
    pd.testing.assert_frame_equal(again.tidy(), result.tidy())
    pd.testing.assert_frame_equal(again.cov, result.cov)
    pd.testing.assert_frame_equal(again.glance(), result.glance())
    assert again.sample == result.sample
    assert again.provenance.to_dict() == result.provenance.to_dict()
    assert [check.message for check in again.checks()][: len(stored.get("checks", []))] == [
        check.message for check in result.checks()
    ][: len(stored.get("checks", []))]
    assert json.loads(json.dumps(again.to_dict(), allow_nan=False)) == stored


@pytest.mark.parametrize("case", WITH_INFLUENCE)
def test_stored_influence_keeps_everything(case):
    effects = fitted(case)
    stored = json.loads(json.dumps(effects.to_dict(influence=True), allow_nan=False))
    again = Effects.from_dict(stored)
    pd.testing.assert_frame_equal(again.tidy(simultaneous=True), effects.tidy(simultaneous=True))
    np.testing.assert_array_equal(again.influence, effects.influence)
    np.testing.assert_array_equal(again.treated_units(), effects.treated_units())
    if effects.description.aggregation == "cell":
        pd.testing.assert_frame_equal(again.aggregate("event").tidy(), effects.aggregate("event").tidy())


@pytest.mark.parametrize("case", WITH_INFLUENCE)
def test_what_was_not_stored_is_asked_for_by_name(case):
    again = Effects.from_dict(fitted(case).to_dict())
    for ask in (lambda: again.influence, lambda: again.units, again.treated_units, lambda: again.select([True])):
        with pytest.raises(NotStoredError, match=r"to_dict\(influence=True\)"):
            ask()
    with pytest.raises(NotStoredError, match=r"to_dict\(influence=True\)"):
        again.to_dict(influence=True)
    if again.description.aggregation == "cell":
        with pytest.raises(NotStoredError, match=r"to_dict\(influence=True\)"):
            again.aggregate("overall")


@pytest.mark.parametrize("case", AGGREGATED)
def test_aggregated_effects_are_not_aggregated_again(case):
    effects = fitted(case)
    with pytest.raises(OptionError, match=f"aggregated by {effects.description.aggregation} already"):
        effects.aggregate("overall")


@pytest.mark.parametrize("case", WITH_INFLUENCE)
def test_the_influence_function_is_that_of_the_estimates(case):
    effects = fitted(case)
    assert effects.influence.shape == (len(effects.units), len(effects.params))
    with pytest.raises(ValueError, match="read-only"):
        effects.influence[0] = 0.0
    mean, error = effects.influence.mean(axis=0), effects.std_errors.fillna(0.0)
    tolerance = 0.3 if case.startswith("matched") else 1e-9
    assert (np.abs(mean) <= tolerance * error + 1e-12).all()


def test_repr_is_short_and_names_the_outcome(result):
    assert len(repr(result)) < 300
    assert "'y'" in repr(result)


def test_results_do_not_need_the_top_level_package():
    assert ce.Effects is Effects

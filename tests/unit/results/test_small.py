"""Checks, evidence items, provenance, tidy tables and the hand-over to figures."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from clustereffects.data import SampleAccount
from clustereffects.errors import EstimationError, EvidenceError
from clustereffects.inference import Membership
from clustereffects.results import (
    TIDY_COLUMNS,
    BiasEvidence,
    BiasTerm,
    Check,
    Diagnostic,
    Estimate,
    MultiplierBootstrap,
    Provenance,
    Silence,
    draw,
    options_of,
    tidy_frame,
    versions,
)
from clustereffects.results.clusters import lone_cluster_check, require_clusters
from clustereffects.results.provenance import plain

PLACE = {"claim": "growth", "group": "K01", "stream": "economic"}
ESTIMATE = PLACE | {"id": "e", "value": 0.1, "std_error": 0.05}
DIAGNOSTIC = PLACE | {"id": "d", "observed": True, "p_benefit": 0.9, "p_negligible": 0.5, "p_harm": 0.1}


def test_a_check_has_one_of_four_verdicts():
    assert [Check(name="a", verdict=v).ok for v in ("pass", "info", "warn", "fail")] == [True, True, False, False]
    with pytest.raises(ValueError, match="a verdict is pass, warn, fail or info, not 'ok'"):
        Check(name="a", verdict="ok")


@pytest.mark.parametrize(
    ("make", "wrong", "message"),
    [
        (BiasTerm, {"domain": "x", "sd": -1.0}, r"bias 'x' has sd -1.0 – expected a finite sd ≥ 0"),
        (BiasTerm, {"domain": "x", "sd": np.nan}, "has sd nan"),
        (BiasTerm, {"domain": "x", "mean": np.inf}, "bias 'x' has the mean inf – expected a finite number"),
        (BiasTerm, {"domain": "x", "kind": "odd"}, "has the kind 'odd' – expected one of additive, proportional"),
        (BiasTerm, {"domain": "x", "mean_range": (1.0, 0.0)}, r"has the range \(1.0, 0.0\) – expected finite numbers"),
        (BiasTerm, {"domain": "x", "mean_range": (0.0, np.inf)}, "expected finite numbers, lower ≤ upper"),
        (Estimate, ESTIMATE | {"value": np.nan}, "estimate 'e' has the value nan – expected a finite number"),
        (Estimate, ESTIMATE | {"std_error": 0.0}, "has the standard error 0.0 – expected a finite number above 0"),
        (Estimate, ESTIMATE | {"std_error": np.inf}, "has the standard error inf"),
        (Estimate, ESTIMATE | {"rho": 1.5}, "rho of estimate 'e' is 1.5 – expected a probability"),
        (Estimate, ESTIMATE | {"stream": "press"}, "estimate 'e' has the stream 'press' – expected one of economic"),
        (Diagnostic, DIAGNOSTIC | {"p_harm": 1.2}, "p_harm of diagnostic 'd' is 1.2"),
        (Diagnostic, DIAGNOSTIC | {"p_benefit": (0.9, 0.2)}, r"p_benefit of diagnostic 'd' is \(0.9, 0.2\)"),
        (Diagnostic, DIAGNOSTIC | {"noise": np.nan}, "noise of diagnostic 'd' is nan"),
        (Diagnostic, DIAGNOSTIC | {"stream": ""}, "diagnostic 'd' has the stream ''"),
        (BiasEvidence, PLACE | {"id": "b", "target_stream": "survey", "shift": np.nan}, "has the shift nan"),
        (BiasEvidence, PLACE | {"id": "b", "target_stream": "survey", "sd": -0.1}, "bias evidence 'b' has sd -0.1"),
        (BiasEvidence, PLACE | {"id": "b", "target_stream": "all"}, "bias evidence 'b' has the target stream 'all'"),
        (BiasEvidence, PLACE | {"id": "b", "target_stream": "survey", "stream": "x"}, "'b' has the stream 'x'"),
        (Silence, PLACE | {"reason": "forgotten"}, "silence has the reason 'forgotten' – expected one of not_asked"),
        (Silence, PLACE | {"reason": "missing", "p_detect": 2.0}, "p_detect is 2.0"),
        (Silence, PLACE | {"reason": "missing", "stream": "x"}, "silence has the stream 'x'"),
    ],
)
def test_impossible_evidence_is_refused(make, wrong, message):
    with pytest.raises(EvidenceError, match=message):
        make(**wrong)


def test_evidence_is_frozen_and_ranges_are_allowed():
    item = Diagnostic(**DIAGNOSTIC | {"p_benefit": (0.6, 0.9), "rho": (0.0, 0.5)})
    with pytest.raises(dataclasses.FrozenInstanceError, match="p_harm"):
        item.p_harm = 0.0
    assert hash(item) == hash(Diagnostic(**DIAGNOSTIC | {"p_benefit": (0.6, 0.9), "rho": (0.0, 0.5)}))
    assert BiasTerm(domain="x", mean_range=(0.0, 0.0)).mean_range == (0.0, 0.0)


@dataclasses.dataclass(frozen=True)
class _Options:
    window: tuple = (-1, 1)
    levels: frozenset = frozenset({"b", "a"})
    caliper: float = np.nan
    limit: float = np.inf


def test_options_become_plain_data():
    assert options_of(_Options()) == {"window": [-1, 1], "levels": ["a", "b"], "caliper": None, "limit": "inf"}
    assert plain(_Options())["type"] == "_Options"
    given = {1: np.int64(2), "flag": np.bool_(True), "x": np.float64(0.5), "many": np.arange(2), "none": None}
    assert plain(given) == {"1": 2, "flag": True, "x": 0.5, "many": [0, 1], "none": None}
    assert plain(-np.inf) == "-inf"
    assert plain(range(2)) == "range(0, 2)"
    with pytest.raises(TypeError, match="dataclass"):
        options_of("text")


def test_provenance_is_plain_and_knows_versions():
    made = Provenance.now(fingerprint="ab", options={"variance": MultiplierBootstrap(draws=99)}, seed=1)
    stored = json.loads(json.dumps(made.to_dict(), allow_nan=False))
    assert stored["options"]["variance"]["draws"] == 99
    assert stored["seed"] == 1
    assert made.versions == versions()
    with pytest.raises(Exception, match="no-such-library"):
        versions(("no-such-library",))


def test_tidy_frames_use_the_t_distribution_of_each_row():
    labels = pd.DataFrame({"event_time": [0, 1, 2]}, index=["a", "b", "c"])
    estimate, error, df = np.array([1.0, -2.0, 0.0]), np.array([0.5, 0.5, np.nan]), np.array([3.0, np.inf, np.nan])
    table = tidy_frame(labels, estimate, error, level=0.9, df=df, text=(["x", "y", "z"], "e", "m"))
    assert table.columns.tolist() == ["event_time", *TIDY_COLUMNS]
    np.testing.assert_allclose(table["p_value"], [2 * stats.t.sf(2, 3), 2 * stats.norm.sf(4), np.nan])
    np.testing.assert_allclose(
        table["conf_high"], [1 + 0.5 * stats.t.ppf(0.95, 3), -2 + 0.5 * 1.6448536269514722, np.nan]
    )
    assert table["interval"].tolist() == ["x", "y", "z"]
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        tidy_frame(labels, estimate, error, level=1.0)


def test_figures_are_looked_up_by_name():
    with pytest.raises(AttributeError, match="has no attribute 'no_such_figure'"):
        draw("no_such_figure", None)


def test_clusters_are_counted_and_required():
    member = Membership.of(np.array([[1.0, 0], [1, 1], [0, 1], [0, 0]]))
    assert member.clusters(np.array([0, 0, 1, 2])).tolist() == [1, 2]
    with pytest.raises(ValueError, match="4 units need as many cluster codes, got 2"):
        member.clusters(np.array([0, 1]))
    with pytest.raises(EstimationError, match="clustered by 'county' – all units are in one cluster"):
        require_clusters("county", 1)
    assert lone_cluster_check(MultiplierBootstrap(), None, np.ones(2)) == ()


def test_accounts_are_frozen_and_comparable():
    account = SampleAccount(rows_in=3, rows_used=2, dropped={"missing": 1})
    assert account == SampleAccount(rows_in=3, rows_used=2, dropped={"missing": 1})
    with pytest.raises(TypeError, match="does not support item assignment"):
        account.dropped["missing"] = 0

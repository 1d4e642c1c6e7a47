"""The cluster jackknife against StatsPAI's, which reproduces the R package didjack; see the README beside its numbers."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import clustereffects as ce

HERE = Path(__file__).parent
STATSPAI = json.loads((HERE / "cluster_jackknife" / "statspai.json").read_text(encoding="utf-8"))["results"]
CONTROL = {"nevertreated": "never_treated", "notyettreated": "not_yet_treated"}
AGGREGATIONS = {"dynamic": "event", "group": "cohort", "calendar": "calendar"}
pytestmark = pytest.mark.filterwarnings("ignore::clustereffects.errors.FewClustersWarning")


@cache
def _panel(name):
    if name == "mpdta":
        frame = ce.datasets.load_mpdta().assign(state=lambda f: f["countyreal"] // 1000)
        return ce.Panel(frame, unit="countyreal", time="year", cohort="first.treat", cluster="state"), "lemp"
    frame = pd.read_csv(HERE / "group_time_did" / "panel.csv")
    return ce.Panel(frame, unit="firm", time="year", cohort="cohort", cluster="region"), "y"


@cache
def _fit(name, control, method, covariates):
    options = {"control": CONTROL[control], "method": method, "covariates": None if covariates == "1" else covariates}
    panel, outcome = _panel(name)
    return ce.GroupTimeDiD(variance=ce.Jackknife(df="clusters"), **options).fit(panel, outcome)


def _overall(effects, kind):
    return effects.aggregate("overall") if kind == "simple" else effects.aggregate(AGGREGATIONS[kind]).average()


@pytest.mark.parametrize("key", STATSPAI)
def test_statspai(key):
    expected = STATSPAI[key]
    *configuration, kind = key.split("|")
    found = _overall(_fit(*configuration), kind)
    row = found.tidy().iloc[0]
    close = {"rtol": 1e-6 if configuration[2] == "ipw" else 1e-8}
    np.testing.assert_allclose(row["estimate"], expected["estimate"], **close)
    np.testing.assert_allclose(row["std_error"], expected["std_error"], **close)
    np.testing.assert_allclose(row[["conf_low", "conf_high"]].astype(float), expected["conf_int"], **close)
    np.testing.assert_allclose(row["p_value"], expected["p_value"], **close)
    assert found.uncertainty.df == expected["df"]
    without = found.replicates.without.ravel()
    np.testing.assert_allclose(np.sort(without), np.sort(list(expected["without"].values())), **close)


def test_the_default_has_the_same_standard_error_and_fewer_degrees_of_freedom():
    panel, outcome = _panel("mpdta")
    found = ce.GroupTimeDiD(control="never_treated").fit(panel, outcome).aggregate("overall")
    expected = STATSPAI["mpdta|nevertreated|dr|1|simple"]
    np.testing.assert_allclose(found.std_errors.iloc[0], expected["std_error"], rtol=1e-8)
    assert 5 < found.uncertainty.dfs[0] < expected["df"]

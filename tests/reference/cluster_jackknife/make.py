"""What StatsPAI's cluster jackknife says about two panels; run once with `pip install StatsPAI==1.40.2`, never in the tests.

Usage: python make.py   (writes statspai.json beside this file)

Panels: mpdta (shipped with this package) by state, of which the smallest holds three counties and cohort 2004 only one
state; and ../group_time_did/panel.csv by region, where cohorts mix in every cluster.
"""

import json
import warnings
from importlib import metadata
from itertools import product
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
MPDTA = HERE.parents[2] / "src" / "clustereffects" / "datasets" / "files" / "mpdta.csv"
AGGREGATIONS = ("simple", "dynamic", "group", "calendar")


def panels():
    mpdta = pd.read_csv(MPDTA).assign(state=lambda f: f["countyreal"] // 1000)
    names = {"y": "lemp", "g": "first.treat", "time": "year", "id": "countyreal", "cluster": "state"}
    yield "mpdta", mpdta, names, ([], ["lpop"])
    simulated = pd.read_csv(HERE.parent / "group_time_did" / "panel.csv")
    names = {"y": "y", "g": "cohort", "time": "year", "id": "firm", "cluster": "region"}
    yield "panel", simulated, names, ([], ["size"])


def results():
    import statspai

    for name, frame, columns, covariates in panels():
        for control, method, x in product(("nevertreated", "notyettreated"), ("dr", "ipw", "reg"), covariates):
            if not x and method != "dr":
                continue
            for kind in AGGREGATIONS:
                found = statspai.cs_jackknife(
                    frame, type=kind, control_group=control, estimator=method, x=x or None, **columns
                )
                key = "|".join([name, control, method, "+".join(x) or "1", kind])
                yield (
                    key,
                    {
                        "estimate": float(found.estimate),
                        "std_error": float(found.se),
                        "df": int(found.model_info["df"]),
                        "conf_int": [float(limit) for limit in found.ci],
                        "p_value": float(found.pvalue),
                        "without": {str(r.deleted_cluster): float(r.att) for r in found.detail.itertuples()},
                    },
                )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    meta = {library: metadata.version(library) for library in ("StatsPAI", "numpy", "pandas", "scipy")}
    text = json.dumps({"meta": meta, "results": dict(results())}, indent=1)
    (HERE / "statspai.json").write_text(text + "\n", encoding="utf-8")

"""Simulated panel and what csdid says about it; run once with `pip install csdid==0.4.3`, never in the tests.

Usage: python make.py   (writes panel.csv and csdid.json beside this file)
"""

import json
import warnings
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
YEARS = np.arange(2001, 2007)
N_FIRMS = 300


def simulate(seed=20040601):
    """Staggered panel whose trends depend on a constant and a time-varying covariate."""
    rng = np.random.default_rng(seed)
    size = rng.standard_normal(N_FIRMS)
    growth = rng.standard_normal((N_FIRMS, 1)) + 0.5 * rng.standard_normal((N_FIRMS, len(YEARS)))
    score = 0.5 * size - 0.4 * growth[:, 0] + rng.logistic(size=N_FIRMS)
    cohort = np.select([score > 1.4, score > 0.7, score > 0.2], [2003, 2004, 2006], 0)
    trend = 0.1 * (YEARS - 2001) * (1 + 0.5 * size[:, None]) + 0.2 * growth.cumsum(axis=1)
    effect = np.where((cohort > 0)[:, None], np.clip(YEARS - cohort[:, None] + 1, 0, 3), 0) * 0.3
    noise = rng.standard_normal((N_FIRMS, len(YEARS))).cumsum(axis=1) * 0.3
    return pd.DataFrame(
        {
            "firm": np.repeat(np.arange(1, N_FIRMS + 1), len(YEARS)),
            "year": np.tile(YEARS, N_FIRMS),
            "cohort": np.repeat(cohort, len(YEARS)),
            "region": np.repeat(np.arange(N_FIRMS) % 23, len(YEARS)),
            "size": np.repeat(size, len(YEARS)).round(6),
            "growth": growth.ravel().round(6),
            "y": (trend + effect + noise).ravel().round(6),
        }
    )


def numbers(values):
    return [None if not np.isfinite(v) else float(v) for v in np.atleast_1d(np.asarray(values, dtype=float))]


def estimate(frame, control, method, formula, base, anticipation, cluster=None):
    """Call of csdid; analytic standard errors."""
    from csdid.att_gt import ATTgt

    model = ATTgt(
        "y",
        "year",
        "firm",
        "cohort",
        frame,
        control_group=control,
        xformla=formula,
        clustervar=cluster,
        anticipation=anticipation,
    )
    fit = model.fit(est_method=method, base_period=base, bstrap=False)
    result = fit.results
    out = {
        "cohort": [int(g) for g in result["group"]],
        "time": [int(t) for t in result["year"]],
        "att": numbers(result["att"]),
        "se": numbers(result["se"]),
    }
    for kind in ("simple", "dynamic", "group", "calendar"):
        found = fit.aggte(typec=kind, bstrap=False, cband=False).atte
        out[kind] = {"overall_att": numbers(found["overall_att"])[0], "overall_se": numbers(found["overall_se"])[0]}
        if kind != "simple":
            out[kind] |= {
                "egt": [int(e) for e in found["egt"]],
                "att_egt": numbers(found["att_egt"]),
                "se_egt": numbers(np.ravel(found["se_egt"])),
            }
    return out


def cases():
    for control in ("nevertreated", "notyettreated"):
        for method in ("dr", "ipw", "reg"):
            yield control, method, "y ~ size + growth", "varying", 0, None
            yield control, method, "y ~ size", "universal", 1, None
            yield control, method, "y ~ size + growth", "universal", 0, None
    yield "notyettreated", "dr", "y ~ size + growth", "varying", 0, "region"
    yield "notyettreated", "dr", "y ~ 1", "varying", 2, None


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    frame = simulate()
    frame.to_csv(HERE / "panel.csv", index=False)
    frame = pd.read_csv(HERE / "panel.csv")
    versions = {name: metadata.version(name) for name in ("csdid", "drdid", "numpy", "pandas")}
    results = [
        {
            "control": c,
            "method": m,
            "formula": f,
            "base": b,
            "anticipation": a,
            "cluster": k,
            **estimate(frame, c, m, f, b, a, k),
        }
        for c, m, f, b, a, k in cases()
    ]
    text = json.dumps({"versions": versions, "cases": results}, indent=0)
    (HERE / "csdid.json").write_text(text + "\n", encoding="utf-8")

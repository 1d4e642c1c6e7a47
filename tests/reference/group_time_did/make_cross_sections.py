"""What csdid and moderndid say about panel.csv as cross-sections; run once, never in the tests.

Usage, with `pip install csdid==0.4.3 drdid==1.1.7 moderndid==0.4.1`: python make_cross_sections.py
(writes csdid_cross_sections.json beside this file)

Firms have holes: rows with (7 firm + 13 year) mod 10 = 0 are dropped. "unbalanced" keeps the firms as units, "sections"
takes every row for a unit of its own. Weights: 0.5 + (firm mod 10) / 10, times 1 + (year - 2001) / 10.
"""

import json
import warnings
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent


def numbers(values):
    return [None if not np.isfinite(v) else float(v) for v in np.atleast_1d(np.asarray(values, dtype=float))]


def frame_of():
    frame = pd.read_csv(HERE / "panel.csv")
    frame["w"] = (0.5 + frame["firm"] % 10 / 10) * (1 + (frame["year"] - 2001) / 10)
    return frame[(7 * frame["firm"] + 13 * frame["year"]) % 10 != 0].reset_index(drop=True)


def improved(y, post, D, covariates, i_weights, **_):
    """moderndid's improved, locally efficient estimator in the form that csdid calls."""
    from moderndid import drdid_imp_local_rc

    found = drdid_imp_local_rc(y, post, D, covariates, i_weights, influence_func=True)
    return found.att, found.att_inf_func


def csdid(case):
    """Call of csdid; analytic standard errors."""
    from csdid.att_gt import ATTgt

    model = ATTgt(
        "y",
        "year",
        "firm" if case["units"] == "unbalanced" else None,
        "cohort",
        frame_of(),
        control_group=case["control"],
        xformla=case["formula"],
        panel=case["units"] == "unbalanced",
        allow_unbalanced_panel=case["units"] == "unbalanced",
        weights_name="w" if case["weighted"] else None,
        anticipation=case["anticipation"],
    )
    method = improved if case["method"] == "dr_improved" else case["method"]
    fit = model.fit(est_method=method, base_period=case["base"], bstrap=False)
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


def moderndid(case):
    """Call of moderndid; analytic standard errors."""
    from moderndid import att_gt

    found = att_gt(
        frame_of(),
        yname="y",
        tname="year",
        idname="firm" if case["units"] == "unbalanced" else None,
        gname="cohort",
        xformla=case["formula"].replace("y ~", "~"),
        weightsname="w" if case["weighted"] else None,
        est_method=case["method"],
        panel=case["units"] == "unbalanced",
        allow_unbalanced_panel=case["units"] == "unbalanced",
        control_group=case["control"],
        anticipation=case["anticipation"],
        base_period=case["base"],
    )
    return {
        "cohort": [int(g) for g in found.groups],
        "time": [int(t) for t in found.times],
        "att": numbers(found.att_gt),
        "se": numbers(found.se_gt),
    }


def cases():
    for units in ("unbalanced", "sections"):
        for method in ("dr", "ipw", "reg", "dr_improved"):
            for weighted in (False, True):
                base = {"units": units, "method": method, "weighted": weighted}
                yield base | {
                    "control": "notyettreated" if weighted else "nevertreated",
                    "formula": "y ~ size + growth",
                    "base": "varying",
                    "anticipation": int(weighted and units == "sections"),
                }
        yield {
            "units": units,
            "method": "dr",
            "weighted": True,
            "control": "nevertreated",
            "formula": "y ~ size + growth",
            "base": "universal",
            "anticipation": 0,
        }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    versions = {name: metadata.version(name) for name in ("csdid", "drdid", "moderndid", "numpy", "pandas")}
    results = []
    for case in cases():
        results.append(case | {"csdid": csdid(case)})
        if case["method"] != "dr_improved":
            results[-1]["moderndid"] = moderndid(case)
    text = json.dumps({"versions": versions, "cases": results}, indent=0)
    (HERE / "csdid_cross_sections.json").write_text(text + "\n", encoding="utf-8")

"""A second simulated panel, and what csdid, moderndid and StatsPAI say about it and about panel.csv; never run by the tests.

Usage, once, with `pip install csdid==0.4.3 moderndid==0.4.1 StatsPAI==1.40.2`::

    python make_peers.py incomplete.csv
    python make_peers.py csdid | moderndid | statspai

writes incomplete.csv, csdid_more.json, moderndid.json and statspai.json beside this file. Every case is a call: its options are
stored with its numbers. Analytic standard errors unless the case is a bootstrap.
"""

import contextlib
import io
import json
import sys
import warnings
from importlib import metadata
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
YEARS = np.arange(2011, 2017)
N_FIRMS = 280
CONTROLS = ("nevertreated", "notyettreated")
METHODS = ("dr", "ipw", "reg", "dr_improved")
AGGREGATIONS = ("simple", "dynamic", "group", "calendar")
WINDOWS = ({"balance_e": 0}, {"balance_e": 1}, {"balance_e": 2}, {"min_e": -1, "max_e": 1})
DRAWS = 100_000
WHOLE = {
    "data": "panel",
    "sample": "balanced",
    "control": "nevertreated",
    "method": "dr",
    "formula": "size + growth",
    "base": "varying",
    "anticipation": 0,
    "weights": None,
    "cluster": None,
}


def simulate(seed=20190516):
    """Firms in organisations and regions, with weights, of which one in ten firm-years is not observed."""
    rng = np.random.default_rng(seed)
    shape = (N_FIRMS, len(YEARS))
    size = rng.standard_normal(N_FIRMS)
    growth = rng.standard_normal((N_FIRMS, 1)) + 0.5 * rng.standard_normal(shape)
    region = rng.integers(0, 20, N_FIRMS)
    score = 0.4 * size + 0.3 * growth[:, 0] + rng.logistic(size=N_FIRMS)
    cohort = np.select([score > 1.3, score > 0.6, score > 0.1], [2013, 2014, 2016], 0)
    organisation = np.where(cohort > 0, rng.integers(1, 4, N_FIRMS), 0)
    weight = np.exp(0.4 * rng.standard_normal(N_FIRMS)).round(3)
    weight_now = (weight[:, None] * np.exp(0.2 * rng.standard_normal(shape))).round(3)
    trend = 0.1 * (YEARS - 2011) * (1 + 0.5 * size[:, None]) + 0.2 * growth.cumsum(axis=1)
    effect = np.where((cohort > 0)[:, None], np.clip(YEARS - cohort[:, None] + 1, 0, 3), 0) * 0.3
    shock = rng.standard_normal((20, len(YEARS)))[region] * 0.2
    y = trend + effect + shock + rng.standard_normal(shape).cumsum(axis=1) * 0.3
    constant = {
        "firm": np.arange(1, N_FIRMS + 1),
        "cohort": cohort,
        "region": region,
        "organisation": organisation,
        "weight": weight,
        "size": size.round(6),
    }
    columns = {name: np.repeat(values, len(YEARS)) for name, values in constant.items()}
    columns |= {"year": np.tile(YEARS, N_FIRMS), "weight_now": weight_now.ravel(), "growth": growth.ravel().round(6)}
    columns |= {"y": y.ravel().round(6), "observed": (rng.random(shape) > 0.1).astype(int).ravel()}
    return pd.DataFrame(columns)


def frame_of(case):
    """Rows of a case; repeated cross-sections get a number per row."""
    frame = pd.read_csv(HERE / f"{case['data']}.csv")
    if case["sample"] != "balanced":
        frame = frame[frame["observed"] == 1].reset_index(drop=True)
    if case["sample"] == "pairs":
        frame = _compared(frame, case)
    if case["sample"] == "repeated":
        frame["firm"] = np.arange(1, len(frame) + 1)
    if case.get("organisation"):
        frame = frame[frame["organisation"].isin([0, case["organisation"]])].reset_index(drop=True)
    return frame


def _compared(frame, case):
    """Firms in a comparison of their cohort; StatsPAI would count the others in the weight of their cohort."""
    base = frame.groupby("firm")["cohort"].first() - 1 - case["anticipation"]
    pairs = {
        b: [{b, t} if t > b or case["base"] == "universal" else {t - 1, t} for t in YEARS if t != b] for b in set(base)
    }
    kept = {
        firm: base[firm] < 0 or any(pair <= set(years) for pair in pairs[base[firm]])
        for firm, years in frame.groupby("firm")["year"]
    }
    return frame[frame["firm"].map(kept)].reset_index(drop=True)


def cases(package):
    """Every call; which of them a package can answer is decided by ``can``."""
    for case in [*_complete(), *_incomplete()]:
        if _can(package, case):
            yield case


def _complete():
    """Balanced panels."""
    for control, method, anticipation in product(CONTROLS, METHODS, (0, 1, 2)):
        basis = WHOLE | {"control": control, "method": method, "anticipation": anticipation}
        yield basis
        yield basis | {"base": "universal", "formula": "size"}
    for control, method in product(CONTROLS, METHODS):
        basis = WHOLE | {"control": control, "method": method}
        yield basis | {"base": "universal"}
        yield basis | {"data": "incomplete", "weights": "weight"}
    for method in METHODS:
        yield WHOLE | {"data": "incomplete", "method": method, "weights": "weight_now"}
    for weights in (None, "weight"):
        yield WHOLE | {"data": "incomplete", "control": "notyettreated", "cluster": "region", "weights": weights}
    for organisation in (1, 2, 3):
        yield WHOLE | {"data": "incomplete", "organisation": organisation, "formula": "size"}
    yield WHOLE | {"formula": "1", "bootstrap": True}
    yield WHOLE | {"formula": "1", "bootstrap": True, "cluster": "region"}


def _incomplete():
    """Missing rows: complete pairs, complete units, all rows as cross-sections; and repeated cross-sections."""
    for sample in ("pairs", "complete", "cross_sections", "repeated"):
        basis = WHOLE | {"data": "incomplete", "sample": sample}
        for control, method, weights in product(CONTROLS, METHODS, (None, "weight")):
            yield basis | {"control": control, "method": method, "weights": weights}
        yield basis | {"formula": "1"}
        yield basis | {"base": "universal", "formula": "size", "anticipation": 1}
        yield basis | {"cluster": "region"}
        yield basis | {"weights": "weight_now"}
        yield basis | {"weights": "weight_now", "method": "reg", "control": "notyettreated"}


def _can(package, case):
    """What a package has: its own method and handling of samples, and nothing that csdid.json holds already."""
    varying = case["weights"] == "weight_now" and case["sample"] != "repeated"
    if package == "csdid":
        stored = case["data"] == "panel" and case["anticipation"] == (case["base"] == "universal")
        stored |= case["base"] == "universal" and "growth" in case["formula"]
        stored &= not case.get("bootstrap")
        return case["method"] != "dr_improved" and case["sample"] != "pairs" and not stored
    if package == "moderndid":
        return case["sample"] != "pairs"
    return not varying


def numbers(values):
    return [None if not np.isfinite(v) else float(v) for v in np.atleast_1d(np.asarray(values, dtype=float)).ravel()]


def whole(values):
    return [int(v) for v in np.atleast_1d(values)]


def summary(overall, error, labels=None, effects=None, errors=None):
    out = {"overall_att": numbers(overall)[0], "overall_se": numbers(error)[0]}
    if labels is not None:
        out |= {"egt": whole(labels), "att_egt": numbers(effects), "se_egt": numbers(errors)}
    return out


def csdid(case):
    from csdid.att_gt import ATTgt

    boot = case.get("bootstrap", False)
    np.random.seed(1)  # noqa: NPY002  (the generator that csdid draws from)
    model = ATTgt(
        "y",
        "year",
        "firm",
        "cohort",
        frame_of(case),
        control_group=case["control"],
        xformla=f"y ~ {case['formula']}",
        panel=case["sample"] != "repeated",
        allow_unbalanced_panel=case["sample"] == "cross_sections",
        clustervar=case["cluster"],
        weights_name=case["weights"],
        anticipation=case["anticipation"],
        cband=boot,
        biters=DRAWS,
    )
    fit = model.fit(est_method=case["method"], base_period=case["base"], bstrap=boot)
    found = fit.results
    out = {"cohort": whole(found["group"]), "time": whole(found["year"]), "att": numbers(found["att"])}
    out |= {"se": numbers(found["se"]), "critical": numbers(found["c"])[0] if boot else None}

    def aggregate(kind, **window):
        a = fit.aggte(typec=kind, **window).atte
        if kind == "simple":
            return summary(a["overall_att"], a["overall_se"])
        rest = {"critical": numbers(a["crit_val_egt"])[0]} if boot else {}
        return summary(a["overall_att"], a["overall_se"], a["egt"], a["att_egt"], a["se_egt"]) | rest

    return out, aggregate


def moderndid(case):
    import moderndid as md

    boot = case.get("bootstrap", False)
    fit = md.att_gt(
        frame_of(case),
        yname="y",
        tname="year",
        idname="firm",
        gname="cohort",
        xformla=f"~ {case['formula']}",
        control_group=case["control"],
        est_method=_improved(case) if case["method"] == "dr_improved" else case["method"],
        base_period=case["base"],
        anticipation=case["anticipation"],
        panel=case["sample"] != "repeated",
        allow_unbalanced_panel=case["sample"] == "cross_sections",
        weightsname=case["weights"],
        clustervars=[case["cluster"]] if case["cluster"] else None,
        boot=boot,
        cband=boot,
        biters=DRAWS,
        random_state=1,
    )
    out = {"cohort": whole(fit.groups), "time": whole(fit.times), "att": numbers(fit.att_gt), "se": numbers(fit.se_gt)}
    out["critical"] = float(fit.critical_value) if boot else None

    def aggregate(kind, **window):
        a = md.aggte(fit, type=kind, random_state=1, na_rm=True, **window)
        if kind == "simple":
            return summary(a.overall_att, a.overall_se)
        rest = {"critical": numbers(a.critical_values)[0]} if boot else {}
        return summary(a.overall_att, a.overall_se, a.event_times, a.att_by_event, a.se_by_event) | rest

    return out, aggregate


def _improved(case):
    """moderndid has the improved estimator for two periods, and takes any such function for its cells."""
    from moderndid.drdid.estimators.drdid_imp_local_rc import drdid_imp_local_rc
    from moderndid.drdid.estimators.drdid_imp_panel import drdid_imp_panel

    return drdid_imp_local_rc if case["sample"] in {"cross_sections", "repeated"} else drdid_imp_panel


def statspai(case):
    import statspai as sp

    boot = case.get("bootstrap", False)
    draws = {"bstrap": True, "cband": True, "biters": DRAWS, "random_state": 1} if boot else {}
    fit = sp.callaway_santanna(
        frame_of(case),
        y="y",
        g="cohort",
        t="year",
        i="firm",
        x=None if case["formula"] == "1" else case["formula"].split(" + "),
        weights=case["weights"],
        estimator={"dr_improved": "drimp"}.get(case["method"], case["method"]),
        control_group=case["control"],
        base_period=case["base"],
        anticipation=case["anticipation"],
        panel=case["sample"] != "repeated",
        balance={"pairs": "pair", "complete": "full", "cross_sections": "none"}.get(case["sample"]),
        clustervars=case["cluster"],
        **draws,
    )
    table = fit.detail
    out = {"cohort": whole(table["group"]), "time": whole(table["time"]), "att": numbers(table["att"])}
    out |= {"se": numbers(table["se"]), "critical": fit.model_info["crit_val_uniform"]}

    def aggregate(kind, **window):
        a = sp.aggte(fit, type=kind, **({"random_state": 1} if boot else {}), **window)
        if kind == "simple":
            return summary(a.estimate, a.se)
        labels = a.detail[{"dynamic": "relative_time", "group": "group", "calendar": "time"}[kind]]
        rest = {"critical": a.model_info["crit_val_uniform"]} if boot else {}
        return summary(a.estimate, a.se, labels, a.detail["att"], a.detail["se"]) | rest

    return out, aggregate


PACKAGES = {
    "csdid": (csdid, ("csdid", "drdid"), "csdid_more.json"),
    "moderndid": (moderndid, ("moderndid",), "moderndid.json"),
    "statspai": (statspai, ("StatsPAI",), "statspai.json"),
}


def answer(package, case):
    """Cells and aggregations of one case; windows only where nothing else is special."""
    with contextlib.redirect_stdout(io.StringIO()):
        out, aggregate = PACKAGES[package][0](case)
        out |= {kind: aggregate(kind) for kind in AGGREGATIONS[: 2 if case["anticipation"] else 4]}
        if not case.get("bootstrap") and (case["formula"], case["cluster"]) == ("size", None):
            out["windows"] = [window | aggregate("dynamic", **window) for window in WINDOWS]
    return case | out


def write(package):
    _, names, file = PACKAGES[package]
    versions = {name: metadata.version(name) for name in (*names, "numpy", "scipy", "pandas")}
    found, failures = [], []
    for case in cases(package):
        try:
            found.append(answer(package, case))
        except Exception as error:  # noqa: BLE001  (what a package refuses is written down too)
            failures.append(case | {"refused": f"{type(error).__name__}: {error}"})
    lines = ",\n".join(json.dumps(case) for case in found)
    refused = ",\n".join(json.dumps(case) for case in failures)
    text = f'{{"versions": {json.dumps(versions)},\n"cases": [\n{lines}\n],\n"refused": [\n{refused}\n]}}\n'
    (HERE / file).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if sys.argv[1] == "incomplete.csv":
        simulate().to_csv(HERE / "incomplete.csv", index=False)
    else:
        write(sys.argv[1])

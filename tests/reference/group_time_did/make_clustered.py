"""Clustered standard errors as five packages print them; run once with their versions in clustered.json, never in the tests.

Usage: python make_clustered.py   (writes clustered.json beside this file)

Without covariates, so that all packages have the same estimates: the overall effect and the effect one period after joining,
of panel.csv clustered by region and of mpdta clustered by state.
"""

import contextlib
import io
import json
import warnings
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
MPDTA = HERE.parents[2] / "src" / "clustereffects" / "datasets" / "files" / "mpdta.csv"
DRAWS = 100_000
NAMES = ["firm", "year", "cohort", "cluster", "y"]


def frames():
    """Both data sets under the same names."""
    panel = pd.read_csv(HERE / "panel.csv").rename(columns={"region": "cluster"})
    counties = pd.read_csv(MPDTA)
    roles = {"countyreal": "firm", "first.treat": "cohort", "lemp": "y"}
    counties = counties.rename(columns=roles).assign(cluster=counties["countyreal"] // 1000)
    whole = {"firm": int, "year": int, "cohort": int, "cluster": int}
    return {"panel": panel[NAMES].astype(whole), "mpdta": counties[NAMES].astype(whole)}


def entry(overall, overall_se, event, event_se, **rest):
    values = [float(np.ravel(value)[0]) for value in (overall, overall_se, event, event_se)]
    return dict(zip(("overall", "overall_se", "event_1", "event_1_se"), values, strict=True)) | rest


def csdid(frame, **fit):
    from csdid.att_gt import ATTgt

    np.random.seed(1)  # noqa: NPY002  (the generator that csdid draws from)
    roles = ("y", "year", "firm", "cohort", frame.copy())
    model = ATTgt(*roles, control_group="nevertreated", clustervar="cluster", biters=DRAWS).fit(**fit)
    simple, event = model.aggte("simple").atte, model.aggte("dynamic").atte
    row = list(event["egt"]).index(1)
    se = np.ravel(event["se_egt"])[row]
    return entry(simple["overall_att"], simple["overall_se"], event["att_egt"][row], se)


def moderndid(frame):
    import moderndid as md

    roles = {"yname": "y", "tname": "year", "idname": "firm", "gname": "cohort"}
    fit = md.att_gt(frame, **roles, clustervars=["cluster"], cband=False)
    simple, event = md.aggte(fit, type="simple"), md.aggte(fit, type="dynamic")
    row = list(event.event_times).index(1)
    return entry(simple.overall_att, simple.overall_se, event.att_by_event[row], event.se_by_event[row])


def statspai(frame):
    import statspai as sp

    roles = {"y": "y", "g": "cohort", "t": "year", "i": "firm"}
    fit = sp.callaway_santanna(frame, **roles, base_period="varying", clustervars="cluster")
    event = fit.model_info["event_study"].set_index("relative_time").loc[1]
    return entry(fit.estimate, fit.se, event["att"], event["se"], conf_int=[float(limit) for limit in fit.ci])


def statspai_jackknife(frame):
    import statspai as sp

    fit = sp.cs_jackknife(frame, "y", "cohort", "year", "firm", cluster="cluster", base_period="varying")
    limits = [float(limit) for limit in fit.ci]
    return {"overall": fit.estimate, "overall_se": fit.se, "df": fit.model_info["df"], "conf_int": limits}


def diff_diff(frame):
    from diff_diff import CallawaySantAnna

    model = CallawaySantAnna(cluster="cluster")
    fit = model.fit(frame, outcome="y", unit="firm", time="year", first_treat="cohort")
    simple = fit.aggregate("simple").to_dataframe().iloc[0]
    event = fit.aggregate("event_study").to_dataframe().set_index("event_time").loc[1]
    limits = [float(simple["conf_int_lower"]), float(simple["conf_int_upper"])]
    numbers = (simple["att"], simple["se"], event["att"], event["se"])
    return entry(*numbers, df=float(simple["df"]), conf_int=limits)


def differences(frame):
    """An error, in this version: the column of clusters cannot be grouped."""
    from differences import ATTgt

    indexed = frame.assign(cohort=frame["cohort"].where(frame["cohort"] > 0)).set_index(["firm", "year"])
    try:
        ATTgt(data=indexed, cohort_column="cohort").fit("y", cluster_var="cluster", progress_bar=False)
    except AttributeError as error:
        return {"refused": str(error)}
    return {}


def answers(frame):
    with contextlib.redirect_stdout(io.StringIO()):
        return {
            "csdid": csdid(frame, bstrap=False),
            "csdid, bootstrap": csdid(frame) | {"draws": DRAWS},
            "moderndid": moderndid(frame),
            "statspai": statspai(frame),
            "statspai cs_jackknife": statspai_jackknife(frame),
            "diff-diff": diff_diff(frame),
            "differences": differences(frame),
        }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    packages = ("csdid", "moderndid", "StatsPAI", "diff-diff", "differences", "numpy", "pandas")
    versions = {name: metadata.version(name) for name in packages}
    data = {name: answers(frame) for name, frame in frames().items()}
    text = json.dumps({"versions": versions, "data": data}, indent=1)
    (HERE / "clustered.json").write_text(text + "\n", encoding="utf-8")

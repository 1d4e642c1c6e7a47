"""One package, one panel, one measurement: run by group_time.py in an interpreter that has the package.

Usage: python peers_group_time.py PACKAGE FOLDER WARM_UP_FOLDER RESULT.json

The folders hold the columns of a panel as ``.npy`` and ``case.json``. After a fit on the small panel of the warm-up (imports,
compilation), the fit on the large one is measured: CPU seconds of all threads and children, wall seconds, and the largest
resident memory above that of the process holding the frame. Measured is everything from the frame to all group-time
effects, the overall effect and the event study with standard errors.

Each package is called as its documentation says, with these choices:

- clustereffects: ``Panel``, ``GroupTimeDiD.fit``, ``aggregate("overall")``, ``aggregate("event")``.
- diff-diff: ``aggregate`` after the fit (fit-time aggregation is deprecated); compiled backend, as its wheel has it.
- statspai: ``base_period="varying"``; overall effect and event study are those that the fit itself returns; with draws
  they come from ``aggte``, which alone has simultaneous bands.
- csdid: ``faster_mode`` (its default).
- moderndid: ``n_jobs=1``, its default (threads over cells took more CPU and no less wall time on two cores); without draws
  ``cband=False``, for it would draw bands otherwise.
- differences: index set and never-treated marked as missing, as it wants them; both are part of the time.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import warnings
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd
from group_time_data import Case
from processes import end_me_first, measure, read_columns, threads

Answer = dict[str, object]
NEVER = {"never_treated": "nevertreated", "not_yet_treated": "notyettreated"}


def clustereffects(frame: pd.DataFrame, case: Case) -> Answer:
    import clustereffects as ce

    panel = ce.Panel(frame, unit="unit", time="time", cohort="cohort")
    variance = ce.MultiplierBootstrap(draws=case.draws, rng=1) if case.draws else None
    formula = " + ".join(case.names) or None
    effects = ce.GroupTimeDiD(control=case.control, covariates=formula, variance=variance).fit(panel, "y")
    overall, event = effects.aggregate("overall"), effects.aggregate("event")
    errors = [result.std_errors for result in (effects, overall, event)]
    if case.draws:
        for result in (effects, overall, event):
            result.conf_int(simultaneous=True)
    keys = event.labels["event_time"]
    return _answer(overall.params.iloc[0], errors[1].iloc[0], keys, event.params, errors[2])


def diff_diff(frame: pd.DataFrame, case: Case) -> Answer:
    from diff_diff import CallawaySantAnna

    model = CallawaySantAnna(control_group=case.control, estimation_method="dr", n_bootstrap=case.draws, seed=1)
    roles = {"outcome": "y", "unit": "unit", "time": "time", "first_treat": "cohort"}
    effects = model.fit(frame, covariates=list(case.names) or None, **roles)
    overall = effects.aggregate("simple").to_dataframe().iloc[0]
    event = effects.aggregate("event_study").to_dataframe()
    return _answer(overall["att"], overall["se"], event["event_time"], event["att"], event["se"])


def statspai(frame: pd.DataFrame, case: Case) -> Answer:
    import statspai as sp

    options = {"bstrap": True, "cband": True, "biters": case.draws, "random_state": 1} if case.draws else {}
    effects = sp.callaway_santanna(
        frame,
        y="y",
        g="cohort",
        t="time",
        i="unit",
        x=list(case.names) or None,
        control_group=NEVER[case.control],
        base_period="varying",
        **options,
    )
    overall, event = effects, effects.model_info["event_study"]
    if case.draws:
        overall = sp.aggte(effects, type="simple", random_state=1)
        event = sp.aggte(effects, type="dynamic", random_state=1).detail
    return _answer(overall.estimate, overall.se, event["relative_time"], event["att"], event["se"])


def csdid(frame: pd.DataFrame, case: Case) -> Answer:
    from csdid.att_gt import ATTgt

    formula = " + ".join(case.names) or "1"
    options = {"control_group": NEVER[case.control], "xformla": f"y ~ {formula}"}
    if case.draws:
        options |= {"cband": True, "biters": case.draws}
    effects = ATTgt("y", "time", "unit", "cohort", frame, **options).fit(est_method="dr", bstrap=case.draws > 0)
    overall = effects.aggte("simple").atte
    event = effects.aggte("dynamic").atte
    simple = (np.ravel(overall[key])[0] for key in ("overall_att", "overall_se"))
    return _answer(*simple, event["egt"], event["att_egt"], np.ravel(event["se_egt"]))


def moderndid(frame: pd.DataFrame, case: Case) -> Answer:
    import moderndid as md

    draws = {"boot": True, "cband": True, "biters": case.draws, "random_state": 1} if case.draws else {"cband": False}
    effects = md.att_gt(
        frame,
        yname="y",
        tname="time",
        idname="unit",
        gname="cohort",
        xformla="~ " + " + ".join(case.names) if case.names else None,
        control_group=NEVER[case.control],
        **draws,
    )
    overall = md.aggte(effects, type="simple", random_state=1)
    event = md.aggte(effects, type="dynamic", random_state=1)
    return _answer(overall.overall_att, overall.overall_se, event.event_times, event.att_by_event, event.se_by_event)


def differences(frame: pd.DataFrame, case: Case) -> Answer:
    from differences import ATTgt

    indexed = frame.assign(cohort=frame["cohort"].where(frame["cohort"] > 0)).set_index(["unit", "time"])
    draws = {"boot_iterations": case.draws, "random_state": 1} if case.draws else {}
    model = ATTgt(data=indexed, cohort_column="cohort")
    formula = " + ".join(case.names)
    model.fit(
        f"y ~ {formula}" if formula else "y",
        est_method="dr",
        control_group=case.control,
        progress_bar=False,
        **draws,
    )
    overall = model.aggregate("simple", **draws).iloc[0]
    event = model.aggregate("event", **draws)
    return _answer(overall.iloc[0], overall.iloc[1], event.index, event.iloc[:, 0], event.iloc[:, 1])


PACKAGES: dict[str, Callable[[pd.DataFrame, Case], Answer]] = {
    "clustereffects": clustereffects,
    "diff-diff": diff_diff,
    "statspai": statspai,
    "csdid": csdid,
    "moderndid": moderndid,
    "differences": differences,
}


def _answer(overall: float, error: float, times: object, effects: object, errors: object) -> Answer:
    rows = zip(np.asarray(times), np.asarray(effects, float), np.asarray(errors, float), strict=True)
    event = {str(int(e)): [float(estimate), float(se)] for e, estimate, se in rows}
    return {"overall": [float(overall), float(error)], "event": event}


def load(folder: str) -> tuple[pd.DataFrame, Case]:
    """Frame and case as group_time.py wrote them."""
    case = Case(**json.loads((Path(folder) / "case.json").read_text(encoding="utf-8")))
    return read_columns(Path(folder)), case


def main() -> None:
    """Warm up, measure, write."""
    package, folder, warm_up, target = sys.argv[1:]
    end_me_first()
    warnings.simplefilter("ignore")
    fit = PACKAGES[package]
    frame, case = load(folder)
    with contextlib.redirect_stdout(io.StringIO()):
        fit(*load(warm_up))
        found = measure(lambda: fit(frame, case), frame)
    found["versions"] = {name: metadata.version(name) for name in (package, "numpy", "pandas", "scipy")}
    found["python"] = sys.version.split()[0]
    found["threads"] = threads()
    Path(target).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()

"""One package, one case, one measurement: run by matching.py in an interpreter that has the package.

Usage: python peers_matching.py PACKAGE CASE.json GIGABYTES FOLDER WARM_UP_FOLDER RESULT.json

The folders hold the columns of a frame as ``.npy``; a call that wants more than so many gigabytes fails. After the same call on the small frame of the warm-up
(imports, compilation), the call on the large one is measured: CPU seconds of all threads and children, wall seconds, and
the largest resident memory above that of the process holding the frame. A call is everything from the pandas frame to the
result object: validation, propensity, matching; for panels also effects and standard errors. The balance table is measured
alone, on a match that is ready.

Each package is called as its documentation says, with these choices:

- clustereffects: propensity on the probability scale, as in MatchIt, so that the caliper is the same.
- statspai: ``match`` with ``m_order="largest"``, as MatchIt; standard errors and its balance tables are part of the call and cannot be
  left out. ``panel_match`` with analytic standard errors; treatment status by year is made beforehand.
- pymatchit: ``MatchIt(...).fit(formula)``; no standard errors; its balance table has no distribution functions.
- statspai's balance table is ``bal_tab`` with given weights.
- plain: ``plain_matching.py``.
- components: the tasks that compare machines, also in ``plain_matching.py``.
"""

from __future__ import annotations

import contextlib
import io
import json
import resource
import sys
import time
import warnings
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd
from matching_data import COVARIATES, STRATA, Case
from processes import cpu_seconds, end_me_first, measure, read_columns, threads

Answer = dict[str, object]
Call = Callable[[], Answer]
FORMULA = "treated ~ " + " + ".join(COVARIATES)
LEADS = 3


class NotOfferedError(Exception):
    """The package has no such call."""


def clustereffects(frame: pd.DataFrame, case: Case) -> Call:
    import clustereffects as ce

    if case.years > 1:
        return lambda: _own_panel(frame, case)
    options = {"on": COVARIATES, "exact": STRATA, "ratio": case.ratio, "replace": False}
    if case.task == "propensity":
        options |= {"distance": "propensity", "propensity_scale": "probability", "caliper": case.caliper}
    elif case.task == "caliper":
        options |= {"near": COVARIATES, "propensity_scale": "probability", "caliper": ce.Caliper(score=case.caliper)}
    elif case.task == "optimal":
        options |= {"method": "optimal"}
    elif case.task == "free":
        options |= {"exact": ()}
    matching = ce.Matching(**options)
    if case.task == "balance":
        match = matching.fit_frame(frame, treatment="treated", unit="firm")
        return lambda: {"rows": len(match.balance())}
    return lambda: _own_pairs(matching.fit_frame(frame, treatment="treated", unit="firm"))


def _own_pairs(match: object) -> Answer:
    pairs = match.pairs()
    return _pairs(zip(pairs["treated"], pairs["control"], strict=True), float(pairs["distance"].sum()))


def _own_panel(frame: pd.DataFrame, case: Case) -> Answer:
    """Panel, match and effects, each with its own CPU seconds."""
    import clustereffects as ce

    marks = [cpu_seconds()]
    panel = ce.Panel(frame, unit="firm", time="year", cohort="cohort")
    marks.append(cpu_seconds())
    matching = ce.Matching(
        on=("y", "productivity", "age"),
        lags={"y": (1, 2, 3), "productivity": (1, 2, 3), "age": (1,)},
        exact=STRATA,
        ratio=case.ratio,
        replace=False,
        horizon=LEADS,
    )
    match = matching.fit(panel)
    marks.append(cpu_seconds())
    effects = ce.MatchedDiD(window=(-LEADS, LEADS)).fit(match, "y")
    event = effects.aggregate("event").tidy()
    marks.append(cpu_seconds())
    rows = event[event["event_time"] >= 0]
    parts = dict(zip(("panel", "match", "effects"), np.diff(marks).tolist(), strict=True))
    found = {"parts": parts, "effects": _effects(rows["event_time"], rows["estimate"], rows["std_error"])}
    return _own_pairs(match) | found


def statspai(frame: pd.DataFrame, case: Case) -> Call:
    import statspai as sp

    if case.years > 1:
        return _statspai_panel(frame, case)
    if case.task == "balance":
        weights = _some_weights(frame)
        return lambda: {"rows": len(sp.bal_tab(frame, "treated", list(COVARIATES), weights, estimand="ATT").table)}
    options = {"n_matches": case.ratio, "replace": False, "exact": list(STRATA), "m_order": "largest"}
    match case.task:
        case "propensity":
            options |= {"distance": "propensity", "caliper": case.caliper, "caliper_scale": "sd"}
        case "caliper":
            options |= {"distance": "propensity", "caliper": case.caliper, "caliper_scale": "sd"}
            options |= {"mahvars": list(COVARIATES)}
        case "mahalanobis":
            options |= {"distance": "mahalanobis", "m_order": "data"}
        case "free":
            options |= {"distance": "mahalanobis", "m_order": "data", "exact": None}
        case _:
            raise NotOfferedError(case.task)

    def call() -> Answer:
        found = sp.match(frame, y="later_growth", treat="treated", covariates=list(COVARIATES), **options)
        return {
            "n_matched": int(found.model_info["n_matched_treated"]),
            "effects": {"overall": [float(found.estimate), float(found.se)]},
        }

    return call


def _statspai_panel(frame: pd.DataFrame, case: Case) -> Call:
    import statspai as sp

    frame = frame.assign(joined=(frame["year"] >= frame["cohort"]).astype(np.int64))

    def call() -> Answer:
        found = sp.panel_match(
            frame,
            y="y",
            treat="joined",
            id="firm",
            time="year",
            lag=3,
            lead=range(LEADS + 1),
            covariates=["lag(y, 1:3)", "lag(productivity, 1:3)", "lag(age, 1)"],
            exact_match=list(STRATA),
            size_match=case.ratio,
            se_method="conditional",
        )
        table = found.detail
        return {
            "n_matched": int(found.model_info["n_matched_sets"]),
            "effects": _effects(table["lead"], table["estimate"], table["se"]),
        }

    return call


def pymatchit(frame: pd.DataFrame, case: Case) -> Call:
    from pymatchit import MatchIt

    if case.task == "balance":
        ready = MatchIt(frame, ratio=case.ratio, exact=list(STRATA)).fit(FORMULA)
        return lambda: {"rows": len(ready.summary(print_output=False) or ())}
    options = {"ratio": case.ratio, "exact": list(STRATA)}
    match case.task:
        case "propensity":
            options |= {"caliper": case.caliper}
        case "caliper":
            options |= {"caliper": case.caliper, "mahvars": list(COVARIATES)}
        case "mahalanobis":
            options |= {"distance": "mahalanobis"}
        case "free":
            options |= {"distance": "mahalanobis", "exact": None}
        case "optimal":
            options |= {"distance": "mahalanobis", "method": "optimal"}
        case _:
            raise NotOfferedError(case.task)

    def call() -> Answer:
        found = MatchIt(frame, **options).fit(FORMULA)
        pairs = found.matches()
        treated, control = (frame["firm"].to_numpy()[pairs[name]] for name in pairs.columns[:2])
        return _pairs(zip(treated, control, strict=True), None)

    return call


def plain(frame: pd.DataFrame, case: Case) -> Call:
    import plain_matching

    if case.years > 1:
        return lambda: _plain_panel(frame, case)
    if case.task == "balance":
        table = plain_matching.component("balance", frame)
        return lambda: {"rows": len(table()) // 2}

    def call() -> Answer:
        firm = frame["firm"].to_numpy()
        pairs = plain_matching.plain(case.task, frame, case.ratio, case.caliper)
        return _pairs(((firm[t], firm[c]) for t, c in pairs), None)

    return call


def _plain_panel(frame: pd.DataFrame, case: Case) -> Answer:
    import plain_matching

    pairs, effects = plain_matching.plain_panel(frame, case, LEADS)
    estimates = np.array(list(effects.values()))
    return _pairs(pairs, None) | {"effects": _effects(list(effects), estimates, np.full(len(effects), np.nan))}


def components(frame: pd.DataFrame, case: Case) -> Call:
    import plain_matching

    task = plain_matching.component(case.task, frame)

    def call() -> Answer:
        task()
        return {}

    return call


PACKAGES: dict[str, Callable[[pd.DataFrame, Case], Call]] = {
    "clustereffects": clustereffects,
    "statspai": statspai,
    "pymatchit": pymatchit,
    "plain": plain,
    "components": components,
}
DISTRIBUTIONS = {"statspai": "StatsPAI", "pymatchit": "pymatchit-causal", "plain": "numpy", "components": "numpy"}


def _some_weights(frame: pd.DataFrame) -> np.ndarray:
    """One for treated firms, at random for the others."""
    return np.where(frame["treated"] == 1, 1.0, np.random.default_rng(1).exponential(size=len(frame)))


def _pairs(pairs: object, total: float | None) -> Answer:
    rows = sorted([int(t), int(c)] for t, c in pairs)
    found = {"n_matched": len({t for t, _ in rows}), "n_pairs": len(rows), "pairs": rows}
    return found if total is None else found | {"total_distance": total}


def _effects(times: object, estimates: object, errors: object) -> dict[str, list[float | None]]:
    rows = zip(np.asarray(times), np.asarray(estimates, float), np.asarray(errors, float), strict=True)
    return {str(int(e)): [float(estimate), float(se) if np.isfinite(se) else None] for e, estimate, se in rows}


def main() -> None:
    """Warm up, measure, write."""
    package, case_file, gigabytes, folder, warm_up, target = sys.argv[1:]
    end_me_first()
    resource.setrlimit(resource.RLIMIT_DATA, (int(float(gigabytes) * 2**30),) * 2)
    warnings.simplefilter("ignore")
    prepare = PACKAGES[package]
    case = Case(**json.loads(Path(case_file).read_text(encoding="utf-8")))
    frame = read_columns(Path(folder))
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            prepare(read_columns(Path(warm_up)), case)()
            found = measure(prepare(frame, case), frame)
        except NotOfferedError:
            found = {"not_offered": True}
    names = (DISTRIBUTIONS.get(package, package), "numpy", "pandas", "scipy")
    found["versions"] = {name: metadata.version(name) for name in names}
    found |= {"python": sys.version.split()[0], "threads": threads(), "measured": time.strftime("%Y-%m-%d %H:%M")}
    Path(target).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()

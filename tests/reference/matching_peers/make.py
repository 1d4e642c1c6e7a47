"""What StatsPAI and pymatchit say about the LaLonde data, a small simulated register and a small simulated panel.

Usage: python make.py   (writes register.csv, panel.csv, statspai.json and pymatchit.json beside this file)

Run once with ``pip install StatsPAI==1.40.2 pymatchit-causal==0.6.1``, never in the tests.
"""

import contextlib
import importlib
import io
import json
import warnings
from importlib import metadata
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
X = {
    "lalonde": ["age", "educ", "hispan", "white", "married", "nodegree", "re74", "re75"],
    "register": ["log_turnover", "log_productivity", "age", "export_share"],
}
OUTCOME = {"lalonde": "re78", "register": "later_growth"}
EXACT = {"lalonde": ["race"], "register": ["industry", "size"]}


def lalonde() -> pd.DataFrame:
    frame = pd.read_csv(HERE.parent / "matching_lalonde" / "data.csv")
    return frame.assign(hispan=(frame["race"] == "hispan") * 1, white=(frame["race"] == "white") * 1)


def register() -> pd.DataFrame:
    """60 treated firms and 340 others in five industries and two size classes."""
    rng = np.random.default_rng(20_261_126)
    n = 400
    common = rng.standard_normal(n)
    frame = pd.DataFrame({"id": [f"firm{k}" for k in range(1, n + 1)]})
    frame["log_turnover"] = (9 + common + 0.5 * rng.standard_normal(n)).round(4)
    frame["log_productivity"] = (6.4 + 0.2 * common + 0.3 * rng.standard_normal(n)).round(4)
    frame["age"] = np.ceil(12 * np.exp(0.7 * rng.standard_normal(n))).astype(int)
    frame["export_share"] = np.clip(0.2 + 0.2 * rng.standard_normal(n), 0, 1).round(4)
    frame["industry"] = rng.choice(list("ABCDE"), n, p=[0.4, 0.25, 0.2, 0.1, 0.05])
    frame["size"] = rng.choice(["small", "large"], n, p=[0.7, 0.3])
    lean = 0.6 * (frame["log_turnover"] - 9) + 1.5 * frame["export_share"] + rng.gumbel(size=n)
    frame["treat"] = (lean.rank(ascending=False) <= 60).astype(int)
    noise = 0.15 * rng.standard_normal(n)
    frame["later_growth"] = (0.05 + 0.1 * frame["treat"] + 0.03 * common - 0.001 * frame["age"] + noise).round(4)
    return frame


def panel() -> pd.DataFrame:
    """200 firms over ten years; thirty of them join in three years."""
    rng = np.random.default_rng(20_261_127)
    n, years = 200, 10
    cohort = np.full(n, np.nan)
    cohort[:30] = np.repeat([4, 5, 7], 10)
    level = rng.standard_normal(n) + 0.4 * np.isfinite(cohort)
    time = np.arange(1, years + 1)
    y = 8 + level[:, None] + 0.02 * time + 0.2 * rng.standard_normal((n, years)) + 0.1 * (time >= cohort[:, None])
    return pd.DataFrame(
        {
            "firm": np.repeat(np.arange(1, n + 1), years),
            "year": np.tile(time, n),
            "cohort": np.repeat(cohort, years),
            "industry": np.repeat(rng.choice(3, n), years),
            "y": y.ravel().round(4),
        }
    )


def statspai(data: str, frame: pd.DataFrame) -> dict:
    import statspai as sp

    given = {"y": OUTCOME[data], "treat": "treat", "covariates": X[data]}
    found = {}
    for ratio, se in product((1, 3), ("abadie_imbens", "abadie_imbens_2016")):
        for estimand in ("ATT", "ATE"):
            options = {"n_matches": ratio, "se_method": se, "estimand": estimand, "ai_matches": 1}
            result = sp.match(frame, **given, method="nearest", distance="propensity", **options)
            found[f"nearest propensity, replace, ratio {ratio}, {estimand}, {se}"] = _effect(result)
    once = {"distance": "propensity", "replace": False, "m_order": "largest"}
    width = {"caliper": 0.2, "caliper_scale": "sd"}
    for name, options in {
        "once": once,
        "once, caliper 0.2": once | width,
        "once, caliper 0.2, exact": once | width | {"exact": EXACT[data]},
        "once, Mahalanobis in caliper 0.2, exact": once | width | {"mahvars": X[data][-2:], "exact": EXACT[data]},
    }.items():
        result = sp.match(frame, **given, method="nearest", **options)
        found[f"nearest propensity, {name}"] = _effect(result) | _used(frame, result)
    found |= _covariate_matching(frame, given, data)
    found |= _weighting(frame, given)
    found |= _totals(frame, given)
    return found


def _covariate_matching(frame: pd.DataFrame, given: dict, data: str) -> dict:
    """Abadie and Imbens on covariates: all ties kept, covariance of the whole sample."""
    import statspai as sp

    found = {}
    for metric, ratio, adjust, vce in product(("mahalanobis", "ivariance"), (1, 4), (False, True), ("robust", "iid")):
        for estimand in ("ATT", "ATE"):
            options = {"metric": metric, "n_matches": ratio, "bias_adjust": adjust, "vce": vce, "estimand": estimand}
            result = sp.match(frame, **given, method="nnmatch", **options)
            adjusted = "adjusted" if adjust else "not adjusted"
            found[f"covariates, {metric}, ratio {ratio}, {adjusted}, {estimand}, {vce}"] = _effect(result)
    result = sp.match(frame, **given, method="nnmatch", exact=EXACT[data][:1])
    found[f"covariates, mahalanobis, ratio 1, exact {EXACT[data][0]}, ATT, robust"] = _effect(result)
    return found


def _weighting(frame: pd.DataFrame, given: dict) -> dict:
    import statspai as sp

    found = {}
    for estimand, moments in product(("ATT", "ATC", "ATE"), (1, 2)):
        result = sp.ebalance(frame, **given, estimand=estimand, moments=moments)
        if not result.model_info["max_standardized_moment_gap"] < 1e-8:
            continue  # no weights balance these moments; StatsPAI then gives everybody the same weight
        entry = _effect(result)
        if moments == 1:
            entry["weights"] = _by_id(frame, np.asarray(result.model_info["weights_full"], float))
        found[f"entropy, {estimand}, moments {moments}"] = entry
    weightit = importlib.import_module("statspai.matching.weightit").weightit
    for estimand in ("ATT", "ATC", "ATE", "ATO"):
        result = weightit(frame, "treat", given["covariates"], method="glm", estimand=estimand)
        weights = np.asarray(result.weights, float)
        table = sp.bal_tab(
            frame, "treat", given["covariates"], weights, estimand=estimand, binary="std", s_d_denom="treated"
        ).table
        t, y = frame["treat"].to_numpy() == 1, frame[given["y"]].to_numpy()
        means = [np.average(y[side], weights=weights[side]) for side in (t, ~t)]
        sizes = [weights[side].sum() ** 2 / (weights[side] ** 2).sum() for side in (t, ~t)]
        balance = {row: [_number(v) for v in line[1:]] for row, line in zip(table.index, table.to_numpy(), strict=True)}
        found[f"propensity weights, {estimand}"] = {
            "estimate": means[0] - means[1],
            "effective_size": sizes,
            "balance_columns": list(table.columns[1:]),
            "balance": balance,
        }
    return found


def _totals(frame: pd.DataFrame, given: dict) -> dict:
    """Least totals of optimal and full matching; pairs are not unique and not kept."""
    import statspai as sp

    x, t = frame[given["covariates"]].to_numpy(float), frame["treat"].to_numpy() == 1
    far = _within_groups(x, t)
    whole = np.cov(x, rowvar=False)
    gaps = x[t][:, None] - x[~t][None]
    by_whole = np.sqrt(np.einsum("ijk,kl,ijl->ij", gaps, np.linalg.inv(whole), gaps))
    found = {}
    for name, matrix in {"within groups": far, "of everybody": by_whole}.items():
        for ratio in (1, 2):
            if ratio * t.sum() <= (~t).sum():
                result = sp.two_criteria_match(frame, "treat", pair=matrix, ratio=ratio)
                sets = result.matched
                found[f"two criteria, covariance {name}, ratio {ratio}"] = _set_total(sets, frame, matrix, t)
    for distance in ("propensity", "logit", "mahalanobis"):
        result = sp.full_match(frame, **given, distance=distance)
        found[f"full, {distance}"] = {"total": float(result.total_distance), "effect": _effect(result)}
    return {"totals": found}


def _within_groups(x: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Mahalanobis distances, covariance centred in each group with divisor n − 1."""
    centred = x - np.where(t[:, None], x[t].mean(0), x[~t].mean(0))
    inverse = np.linalg.inv(centred.T @ centred / (len(x) - 1))
    gaps = x[t][:, None] - x[~t][None]
    return np.sqrt(np.einsum("ijk,kl,ijl->ij", gaps, inverse, gaps))


def _set_total(sets: pd.DataFrame, frame: pd.DataFrame, matrix: np.ndarray, t: np.ndarray) -> float:
    rows = {identifier: k for k, identifier in enumerate(frame["id"][t])}
    columns = {identifier: k for k, identifier in enumerate(frame["id"][~t])}
    total = 0.0
    for _, members in sets.groupby("mset"):
        one = members.loc[members["treat"] == 1, "id"].iloc[0]
        total += sum(matrix[rows[one], columns[other]] for other in members.loc[members["treat"] == 0, "id"])
    return float(total)


def _effect(result) -> dict:
    return {"estimate": _number(result.estimate), "std_error": _number(result.se)}


def _number(value) -> float | None:
    return float(value) if np.isfinite(float(value)) else None


def _used(frame: pd.DataFrame, result) -> dict:
    """Weight of every matched unit: one for treated, number of uses over number of controls for controls."""
    weights = result.model_info["matched_data"]["_weight"]
    return {
        "n_matched": int(result.model_info["n_matched_treated"]),
        "weights": _by_id(frame.loc[weights.index], weights.to_numpy(float)),
    }


def _by_id(frame: pd.DataFrame, weights: np.ndarray) -> dict:
    kept = np.isfinite(weights) & (weights > 0) & (frame["treat"].to_numpy() == 0)
    return dict(zip(frame["id"][kept], weights[kept].tolist(), strict=True))


def statspai_panel(frame: pd.DataFrame) -> dict:
    """Equal weights within exact sets of firms that stay untreated through the last lead."""
    import statspai as sp

    frame = frame.assign(joined=(frame["year"] >= frame["cohort"]) * 1)
    found = {}
    for exact, se in product(([], ["industry"]), ("conditional", "unconditional")):
        result = sp.panel_match(
            frame,
            y="y",
            treat="joined",
            id="firm",
            time="year",
            lag=3,
            lead=range(3),
            refinement="none",
            exact_match=exact or None,
            forbid_treatment_reversal=True,
            se_method=se,
        )
        entry = {str(int(row.lead)): [row.estimate, row.se] for row in result.detail.itertuples()}
        found[f"exact {exact}, {se}"] = {"effects": entry, "sets": int(result.model_info["n_matched_sets"])}
    return found


def pymatchit(data: str, frame: pd.DataFrame) -> dict:
    """Pairs only where no two distances are equal, weights where they do not depend on ties."""
    from pymatchit import MatchIt

    exact = EXACT[data]
    calls = {"subclass": {"method": "subclass"}, "cem": {"method": "cem"}}
    if data == "register":
        calls |= {
            "nearest": {},
            "nearest linear": {"link": "linear.logit"},
            "nearest probit": {"link": "probit"},
            "nearest smallest": {"m_order": "smallest"},
            "nearest ratio 3": {"ratio": 3},
            "nearest caliper exact": {"caliper": 0.2, "ratio": 2, "exact": exact},
            "nearest replace": {"replace": True, "ratio": 3},
            "nearest discard": {"discard": "both"},
            "nearest antiexact": {"antiexact": exact[:1]},
            "nearest age caliper": {"caliper": {"age": 3.0}},
        }
    found = {}
    for name, options in calls.items():
        with contextlib.redirect_stdout(io.StringIO()):
            result = MatchIt(frame, **options).fit("treat ~ " + " + ".join(X[data]))
        entry = {"options": options}
        if "method" in options:
            entry["weights"] = _by_id(frame, np.asarray(result.weights, float))
        else:
            pairs = result.matches()
            treated, control = (frame["id"].loc[pairs[column]] for column in pairs.columns[:2])
            entry["pairs"] = sorted(map(list, zip(treated, control, strict=True)))
        found[name] = entry
    return found


def main() -> None:
    warnings.simplefilter("ignore")
    register().to_csv(HERE / "register.csv", index=False)
    panel().to_csv(HERE / "panel.csv", index=False)
    frames = {"lalonde": lalonde(), "register": pd.read_csv(HERE / "register.csv")}
    for package, call in {"StatsPAI": statspai, "pymatchit-causal": pymatchit}.items():
        meta = {library: metadata.version(library) for library in (package, "numpy", "pandas", "scipy")}
        results = {data: call(data, frame) for data, frame in frames.items()}
        if package == "StatsPAI":
            results["panel"] = statspai_panel(pd.read_csv(HERE / "panel.csv"))
        text = json.dumps({"meta": meta, "results": results}, indent=1)
        name = {"StatsPAI": "statspai.json", "pymatchit-causal": "pymatchit.json"}[package]
        (HERE / name).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Matching against a literal oracle, and what must hold for every input."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clustereffects as ce

YEARS = np.arange(2000, 2008)


def world(seed, n=40, *, coarse=False):
    """Panel with missing values, exact and forbidden columns, some never usable units; units named out of order."""
    rng = np.random.default_rng(seed)
    level = rng.normal(size=(n, 1)) + rng.normal(0, 0.4, (n, len(YEARS)))
    level = level.round(0) if coarse else level
    level[rng.random(level.shape) < 0.05] = np.nan
    cohort = np.where(rng.random(n) < 0.4, rng.choice([2002, 2003, 2005], n).astype(float), np.nan)
    cohort[:2] = 2003, np.nan
    frame = pd.DataFrame(
        {
            "firm": np.repeat([f"f{name:03d}" for name in rng.permutation(n)], len(YEARS)),
            "year": np.tile(YEARS, n),
            "cohort": np.repeat(cohort, len(YEARS)),
            "y": level.ravel(),
            "z": rng.normal(size=n * len(YEARS)),
            "industry": np.repeat(rng.choice(["a", "b", None], n, p=[0.5, 0.45, 0.05]), len(YEARS)),
            "county": np.repeat(rng.choice([1, 2, 3, np.nan], n), len(YEARS)),
            "barred": np.repeat(rng.random(n) < 0.1, len(YEARS)),
        }
    )
    return frame.sample(frac=1, random_state=seed)


def panel_of(frame):
    return ce.Panel(frame, unit="firm", time="year", cohort="cohort")


OPTIONS = {
    "on": ["y", "z"],
    "exact": ["industry"],
    "forbid": ["county"],
    "exclude": "barred",
    "ratio": 2,
    "horizon": 2,
}


def oracle(frame, *, ratio, horizon, caliper=np.inf):
    """Literal matching with replacement on y and z at −1 and −2, exact on industry, forbidding the same county."""
    table = frame.set_index(["firm", "year"])
    firms = sorted(frame["firm"].unique())
    cohort = frame.groupby("firm")["cohort"].first()

    def x(firm, joined):
        return np.array([table.loc[(firm, joined - lag), c] for c in ("y", "z") for lag in (1, 2)], dtype=float)

    def known(firm, joined):
        return np.isfinite(x(firm, joined)).all() and isinstance(table.loc[(firm, joined - 1), "industry"], str)

    pairs = []
    for joined in sorted(cohort.dropna().astype(int).unique()):
        treated = [f for f in firms if cohort[f] == joined and known(f, joined)]
        pool = [
            f
            for f in firms
            if not cohort[f] <= joined + horizon and not table.loc[(f, joined), "barred"] and known(f, joined)
        ]
        if not treated or not pool:
            continue
        sides = [np.array([x(f, joined) for f in side]) for side in (treated, pool)]
        centred = np.concatenate([side - side.mean(axis=0) for side in sides])
        inverse = np.linalg.inv(centred.T @ centred / (len(centred) - 1))
        for f in treated:
            distances = []
            for g in pool:
                one, other = table.loc[(f, joined - 1)], table.loc[(g, joined - 1)]
                gap = x(f, joined) - x(g, joined)
                distance = np.sqrt(gap @ inverse @ gap)
                same_county = one["county"] == other["county"]
                if one["industry"] == other["industry"] and not same_county and distance <= caliper:
                    distances.append((distance, g))
            pairs += [(f, g, joined, d) for d, g in sorted(distances)[:ratio]]
    return pairs


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("caliper", [None, 1.5])
def test_pairs_are_those_of_the_oracle(seed, caliper):
    frame = world(seed, n=60)
    match = ce.Matching(**OPTIONS, caliper=caliper).fit(panel_of(frame))
    expected = oracle(frame, ratio=2, horizon=2, caliper=caliper or np.inf)
    found = match.pairs()
    assert list(zip(found["treated"], found["control"], found["cohort"], strict=True)) == [
        pair[:3] for pair in sorted(expected, key=lambda pair: (pair[2], pair[0], pair[3]))
    ]
    np.testing.assert_allclose(
        found["distance"], [p[3] for p in sorted(expected, key=lambda p: (p[2], p[0], p[3]))], rtol=1e-8
    )


def try_fit(options, frame):
    try:
        return ce.Matching(**options).fit(panel_of(frame))
    except ce.errors.EstimationError:
        return None


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    replace=st.booleans(),
    ratio=st.integers(1, 4),
    caliper=st.sampled_from([None, 0.3, 1.0]),
    horizon=st.integers(0, 4),
    distance=st.sampled_from(["mahalanobis", "scaled_euclidean"]),
)
def test_no_pair_violates_a_constraint(seed, replace, ratio, caliper, horizon, distance):
    frame = world(seed, coarse=seed % 2 == 0)
    options = OPTIONS | {"replace": replace, "ratio": ratio, "caliper": caliper, "horizon": horizon}
    match = try_fit(options | {"distance": distance}, frame)
    if match is None:
        return
    table, cohort = frame.set_index(["firm", "year"]), frame.groupby("firm")["cohort"].first()
    pairs = match.pairs()
    for row in pairs.itertuples():
        one, other = table.loc[(row.treated, row.cohort - 1)], table.loc[(row.control, row.cohort - 1)]
        assert one["industry"] == other["industry"]
        assert one["county"] != other["county"]
        assert not other["barred"]
        assert cohort[row.treated] == row.cohort
        assert not cohort[row.control] <= row.cohort + horizon
        assert caliper is None or row.distance <= caliper
    assert not pairs.duplicated(["treated", "control"]).any()
    assert pairs.groupby("treated").size().max() <= ratio
    assert replace or not pairs["control"].duplicated().any()
    np.testing.assert_allclose(pairs.groupby("treated")["weight"].sum(), 1.0)
    joined = set(cohort.dropna().index)
    assert set(pairs["treated"]) | set(match.unmatched()["unit"]) == joined
    assert not set(pairs["treated"]) & set(match.unmatched()["unit"])


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), replace=st.booleans(), coarse=st.booleans())
def test_order_of_rows_changes_nothing_even_with_ties(seed, replace, coarse):
    frame = world(seed, coarse=coarse)
    options = OPTIONS | {"replace": replace, "on": ["y"]}
    one, other = try_fit(options, frame), try_fit(options, frame.sample(frac=1, random_state=seed + 1))
    if one is None:
        assert other is None
        return
    pd.testing.assert_frame_equal(one.pairs(), other.pairs())
    pd.testing.assert_frame_equal(one.unmatched(), other.unmatched())


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), distance=st.sampled_from(["mahalanobis", "scaled_euclidean", "propensity"]))
def test_what_happens_from_joining_on_changes_nothing(seed, distance):
    frame = world(seed, n=80)
    rng = np.random.default_rng(seed)
    changed = frame.copy()
    after = (frame["year"] >= frame["cohort"].fillna(np.inf)) | (frame["year"] >= 2005)
    for column in ("y", "z", "industry", "county"):
        changed.loc[after, column] = rng.permutation(frame.loc[after, column].to_numpy())
    options = OPTIONS | {"distance": distance}
    one, other = try_fit(options, frame), try_fit(options, changed)
    if one is None:
        assert other is None
        return
    pd.testing.assert_frame_equal(one.pairs(), other.pairs())
    pd.testing.assert_frame_equal(one.balance(), other.balance())


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_mahalanobis_ignores_how_levels_and_growth_are_written(seed):
    frame = world(seed, n=60).sort_values(["firm", "year"])
    frame["growth"] = frame.groupby("firm")["y"].diff()
    frame["last"] = frame.groupby("firm")["y"].shift(1)
    frame[["growth", "last"]] = frame[["growth", "last"]].where(frame[["growth", "last"]].notna().all(axis=1), np.nan)
    options = OPTIONS | {"on": ["y"]}
    one = try_fit(options, frame)
    other = try_fit(options | {"on": ["y", "growth"], "lags": (1,)}, frame)
    if one is None:
        assert other is None
        return
    np.testing.assert_array_equal(one.sets.control, other.sets.control)
    np.testing.assert_allclose(one.sets.distance, other.sets.distance, rtol=1e-8)


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), replace=st.booleans())
def test_one_cohort_is_a_cross_section(seed, replace):
    frame = world(seed, n=50)
    frame["cohort"] = frame["cohort"].where(frame["cohort"] == 2003)
    options = {"on": ["y"], "exact": ["industry"], "ratio": 2, "replace": replace, "lags": (1,)}
    match = try_fit(options, frame)
    rows = frame[frame["year"] == 2002].assign(treated=lambda f: f["cohort"].notna().astype(int))
    if match is None:
        return
    section = ce.Matching(**options).fit_frame(rows, treatment="treated", unit="firm")
    pd.testing.assert_frame_equal(match.pairs().drop(columns="cohort"), section.pairs(), check_names=False)
    ours, theirs = match.balance().drop(columns="covariate"), section.balance().drop(columns="covariate")
    pd.testing.assert_frame_equal(ours, theirs)

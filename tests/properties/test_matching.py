"""Matching against a literal oracle, and what must hold for every input."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clustereffects as ce
from clustereffects.matching.propensity import logit

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


NEIGHBOURS = {1: [2]}
FLAGGED = ce.Rule(kind="flagged", column="support")
PARENT = ce.Rule(kind="shares", column="parent")
NEXT_TO = ce.Rule(kind="neighbours", column="county", of="own", neighbours=NEIGHBOURS)


def wide_world(seed, n=80):
    """The world with what ladders, rules and calipers read: industry codes, regions, parents, support, size."""
    frame, rng = world(seed, n).sort_values(["firm", "year"]), np.random.default_rng(seed + 1)
    times = len(YEARS)
    frame["nace"] = np.repeat(rng.choice(["1011", "1012", "1021", "2011"], n, p=[0.4, 0.3, 0.2, 0.1]), times)
    frame["region"] = np.repeat(rng.choice(["north", "east", "south"], n), times)
    frame["kind_of_region"] = np.where(frame["region"] == "south", "rural", "urban")
    frame["parent"] = np.repeat(np.where(rng.random(n) < 0.3, rng.integers(0, 12, n), np.nan), times)
    frame["support"] = rng.random(n * times) < 0.02
    frame["size"] = np.exp(rng.normal(size=n * times))
    return frame.sample(frac=1, random_state=seed)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    method=st.sampled_from(["nearest", "optimal"]),
    ratio=st.integers(1, 3),
    reuse=st.sampled_from([None, 1, 2]),
    order=st.sampled_from(["data", "closest", "farthest"]),
    width=st.sampled_from([0.5, 1.5]),
    rules=st.sampled_from([(), (FLAGGED,), (PARENT, NEXT_TO), (FLAGGED, PARENT, NEXT_TO)]),
    ladder=st.sampled_from([{"nace": (4, 3, 2)}, {"nace": (3, 1), "region": ("region", "kind_of_region")}]),
)
def test_no_pair_violates_ladder_rules_calipers_or_reuse(seed, method, ratio, reuse, order, width, rules, ladder):
    frame = wide_world(seed)
    caliper = ce.Caliper(distance=2 * width, columns={"z": width}, factors={"size": 1 + 3 * width})
    options = {"on": ["y", "z"], "lags": (1,), "horizon": 2, "forbid": ["county"], "method": method}
    options |= {"order": order} if method == "nearest" else {}
    match = try_fit(
        options | {"ratio": ratio, "reuse": reuse, "caliper": caliper, "rules": rules, "ladder": ladder}, frame
    )
    if match is None:
        return
    pairs, table = match.pairs(), frame.set_index(["firm", "year"])
    assert pairs["control"].value_counts().max() <= (reuse or len(pairs))
    assert pairs.groupby("treated").size().max() <= ratio
    rungs = match.rungs().set_index("unit")["rung"]
    for row in pairs.itertuples():
        one, other = (table.loc[(unit, row.cohort - 1)] for unit in (row.treated, row.control))
        assert row.distance <= 2 * width
        assert abs(one["z"] - other["z"]) <= width
        assert abs(np.log(one["size"] / other["size"])) <= np.log(1 + 3 * width) * (1 + 1e-12)
        assert one["county"] != other["county"]
        assert equal_on_rung(one, other, ladder, rungs[row.treated])
        for rule in rules:
            assert not breaks(rule, frame, row)


def equal_on_rung(one, other, ladder, rung):
    """Whether two units are equal in the values that the label of a rung names."""
    steps = rung.split(", ")
    assert len(steps) == len(ladder)
    same = []
    for step, (column, choices) in zip(steps, ladder.items(), strict=True):
        named = [choice for choice in choices if str(choice) in step.split()]
        assert len(named) == 1
        (choice,) = named
        values = [str(unit[column])[:choice] if isinstance(choice, int) else unit[choice] for unit in (one, other)]
        same.append(values[0] == values[1])
    return all(same)


def breaks(rule, frame, row):
    """Whether a pair breaks a rule, literally."""
    mine = frame[frame["firm"] == row.control]
    if rule.kind == "flagged":
        return mine[rule.column].any()
    if rule.kind == "shares":
        treated = frame[frame["cohort"].notna() & (frame["firm"] != row.control)]
        return mine[rule.column].isin(treated[rule.column].dropna()).any()
    before = frame[frame["year"] == row.cohort - 1].set_index("firm")[rule.column]
    one, other = before[row.treated], before[row.control]
    return one == other or {one, other} == {1, 2}


@settings(max_examples=30)
@given(
    seed=st.integers(0, 10_000),
    method=st.sampled_from(["nearest", "optimal", "full"]),
    estimand=st.sampled_from(["ATT", "ATC"]),
    width=st.sampled_from([0.1, 0.5]),
    replace=st.booleans(),
)
def test_no_pair_of_a_cross_section_is_outside_its_calipers(seed, method, estimand, width, replace):
    rows = section(seed)
    caliper = ce.Caliper(score=width, columns={"z": 1.0}, factors={"size": 4.0})
    matching = ce.Matching(
        on=["y", "z"], method=method, estimand=estimand, replace=replace, caliper=caliper, near=["y"], exact=["region"]
    )
    try:
        match = matching.fit_frame(rows, treatment="treated", unit="firm")
    except ce.errors.EstimationError:
        return
    design = np.column_stack([np.ones(len(rows)), rows[["y", "z"]]])
    score = pd.Series(logit(design, rows["treated"].to_numpy() == 1).linear, index=rows["firm"])
    rows, largest = rows.set_index("firm"), width * score.std()
    links = match.sets.links()
    for treated, control in zip(match.sets.treated[links[0]], match.sets.control[links[1]], strict=True):
        one, other = match.units[treated], match.units[control]
        assert (rows["treated"][one], rows["treated"][other]) == (1, 0)
        assert abs(score[one] - score[other]) <= largest * (1 + 1e-9)
        assert abs(rows["z"][one] - rows["z"][other]) <= 1.0
        assert abs(np.log(rows["size"][one] / rows["size"][other])) <= np.log(4.0) * (1 + 1e-12)
        assert rows["region"][one] == rows["region"][other]


def section(seed):
    """One row per unit, complete."""
    rows = wide_world(seed).query("year == 2002").dropna(subset=["y", "z"])
    return rows.assign(treated=rows["cohort"].notna().astype(int))


METHODS = {
    "nearest": {"replace": False, "ratio": 2},
    "optimal": {"method": "optimal", "replace": False},
    "full": {"method": "full"},
    "coarsened exact": {"method": "coarsened_exact", "coarsening": ce.Coarsening(default=3)},
    "pairs in classes": {
        "method": "coarsened_exact",
        "coarsening": ce.Coarsening(cutpoints={"y": (0.0,), "z": 1}, one_to_one=True),
    },
    "subclass": {"method": "subclass", "distance": "propensity", "subclasses": 3},
    "entropy": {"method": "entropy"},
    "propensity": {"method": "propensity_weighting", "distance": "propensity"},
    "match, then weigh": {"ratio": 10, "weigh": "entropy"},
}


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=8)
@given(seed=st.integers(0, 10_000))
def test_of_every_method_treated_units_count_one_and_controls_share_it(method, seed):
    match = try_fit({"on": ["y", "z"], "lags": (1,), "horizon": 2} | METHODS[method], wide_world(seed))
    if match is None:
        return
    members = match.members()
    treated = members[members["side"] == "treated"]
    np.testing.assert_allclose(treated["weight"], 1.0, rtol=1e-10)
    assert not treated["unit"].duplicated().any()
    total = members.pivot_table("weight", "set", "side", aggfunc="sum")
    np.testing.assert_allclose(total["control"], total["treated"], rtol=1e-10)
    np.testing.assert_allclose(match.pairs().groupby("treated")["weight"].sum(), 1.0, rtol=1e-10)


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=5)
@given(seed=st.integers(0, 10_000))
def test_order_of_rows_changes_no_method(method, seed):
    frame, options = wide_world(seed), {"on": ["y", "z"], "lags": (1,), "horizon": 2} | METHODS[method]
    one, other = (try_fit(options, frame.sample(frac=1, random_state=state)) for state in (1, 2))
    if one is None:
        assert other is None
    else:
        pd.testing.assert_frame_equal(one.members(), other.members())
        pd.testing.assert_frame_equal(one.balance(), other.balance())
    rows = section(seed)
    found = []
    for state in (1, 2):
        try:
            shuffled = rows.sample(frac=1, random_state=state)
            found.append(ce.Matching(**options).fit_frame(shuffled, treatment="treated", unit="firm").members())
        except ce.errors.EstimationError as error:
            found.append(pd.DataFrame({"error": [str(error)]}))
    pd.testing.assert_frame_equal(*found)


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), moments=st.sampled_from([1, 2]), then=st.booleans(), exact=st.booleans())
def test_entropy_weights_meet_the_moments_of_every_cohort(seed, moments, then, exact):
    options = {"on": ["y", "z"], "lags": (1,), "horizon": 2, "exact": ["kind_of_region"] if exact else []}
    how = {"ratio": 8, "weigh": "entropy"} if then else {"method": "entropy", "moments": moments}
    match = try_fit(options | how, wide_world(seed, n=150))
    if match is None:
        return
    table = match.balance().query("kind != 'exact'").set_index("covariate")
    np.testing.assert_allclose(table["smd_after"], 0.0, atol=1e-8)
    if moments == 2 and not then:
        squares = match.balance(squares=True).set_index("covariate")
        squares = squares[[name.endswith("²") for name in squares.index]]
        assert len(squares) == 2
        np.testing.assert_allclose(squares["smd_after"], 0.0, atol=1e-8)
    for number in range(len(match.sets.mass)):
        own, others = match.sets.treated_set == number, match.sets.control_set == number
        mean = match.sets.share[others] @ match.x_control[others]
        np.testing.assert_allclose(mean, match.sets.treated_share[own] @ match.x_treated[own], rtol=0, atol=1e-8)


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), groups=st.sampled_from([(), [["north", "east"]], [["south"], ["north", "east"]]]))
def test_grouped_categories_are_one_class(seed, groups):
    rows = section(seed)
    joined = rows["region"].replace({"north": "one", "east": "one"}) if groups else rows["region"]
    options = {"method": "coarsened_exact"}
    coarsening = ce.Coarsening(default=3, grouping={"region": groups} if groups else {})
    try:
        found = ce.Matching(on=["y", "region"], coarsening=coarsening, **options).fit_frame(
            rows, treatment="treated", unit="firm"
        )
    except ce.errors.EstimationError:
        return
    coarser = ce.Matching(on=["y"], exact=["joined"], coarsening=ce.Coarsening(default=3), **options)
    expected = coarser.fit_frame(rows.assign(joined=joined), treatment="treated", unit="firm")
    pd.testing.assert_series_equal(found.weights, expected.weights)

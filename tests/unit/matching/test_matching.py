import numpy as np
import pandas as pd
import polars as pl
import pytest

import clustereffects as ce
from clustereffects.errors import ColumnError, EstimationError, InputError, OptionError

YEARS = [2000, 2001, 2002, 2003]


def rows(firm, size, joined=None, **columns):
    """Rows of one firm; scalars are repeated."""
    data = {"firm": firm, "year": YEARS, "size": size, "joined": joined, "industry": "a", "county": 1, "barred": False}
    return pd.DataFrame(data | columns)


def panel(*firms):
    return ce.Panel(pd.concat(firms, ignore_index=True), unit="firm", time="year", cohort="joined")


def world(**columns):
    """Firm 1 joins in 2002 and is nearest to 2, then to 3; firm 4 joins later."""
    return panel(
        rows(1, [5.0, 6.0, 9.0, 9.0], 2002, **columns),
        rows(2, [5.0, 6.1, 6.0, 6.0], county=2),
        rows(3, [4.0, 4.5, 4.0, 4.0], county=2),
        rows(4, [5.0, 6.0, 6.0, 6.0], 2003, county=2),
        rows(5, [1.0, 9.0, 6.0, 6.0], county=3, industry="b"),
    )


def controls(match):
    return match.pairs()["control"].tolist()


BAD = [
    ({"on": []}, r"option on=\(\) – expected at least one column to match on"),
    ({"on": ["a", "a"]}, r"option on=\('a', 'a'\) – expected each column once"),
    ({"exact": [1]}, r"option exact=\(1,\) – expected names of columns"),
    ({"forbid": None}, "option forbid=None – expected names of columns"),
    ({"ratio": 0}, "option ratio=0 – expected a whole number of at least 1"),
    ({"ratio": True}, "option ratio=True – expected a whole number"),
    ({"lags": (0, 1)}, r"option lags=\(0, 1\) – expected different whole numbers of at least 1"),
    ({"lags": (1, 1)}, r"option lags=\(1, 1\) – expected different"),
    ({"lags": ()}, r"option lags=\(\) – expected different"),
    ({"lags": {"sise": (1, 2)}}, r"lags=.* – expected columns of `on` or `growth`, not sise"),
    ({"horizon": -1}, "option horizon=-1 – expected a whole number of at least 0"),
    ({"caliper": 0.0}, "option caliper=0.0 – expected a positive number"),
    ({"caliper": float("nan")}, "option caliper=nan – expected a positive number"),
    ({"method": "best"}, "option method='best' – expected 'nearest' or 'optimal' or 'full'"),
    ({"distance": "cosine"}, "option distance='cosine' – expected mahalanobis, robust_mahalanobis, scaled_euclidean"),
    ({"trim": "both"}, "option trim='both' – expected None, unless distance='propensity'"),
    ({"trim": 0.1, "distance": "propensity"}, "option trim=0.1 – expected None or 'treated' or 'both'"),
    ({"order": "largest"}, "option order='largest' – expected 'data', 'random', 'closest' or 'farthest', unless"),
    ({"order": "nearest"}, "option order='nearest' – expected None or 'data'"),
    ({"order": "random"}, "option rng=None – expected a seed or generator for order='random'"),
    ({"propensity_scale": "odds"}, "option propensity_scale='odds' – expected 'linear' or 'probability'"),
]


GROUPED_TWICE = {"region": [["north", "east"], ["east"]]}


def test_categories_are_grouped_once():
    with pytest.raises(OptionError, match=r"grouping of region.*each category in one of them"):
        ce.Coarsening(grouping=GROUPED_TWICE)
    with pytest.raises(OptionError, match=r"grouping of region.*lists of categories"):
        ce.Coarsening(grouping={"region": ["north", "east"]})


def test_cutpoints_reach_the_columns_of_a_panel():
    four = panel(rows(1, [5.0] * 4, 2003), rows(2, [7.0] * 4), rows(3, [8.0] * 4), rows(4, [1.0] * 4))
    options = {"on": ["size"], "lags": (1,), "method": "coarsened_exact"}
    found = {
        cut: ce.Matching(**options, coarsening=ce.Coarsening(cutpoints={"size": (cut,)})).fit(four)
        for cut in (4.0, 7.5)
    }
    assert {cut: sorted(controls(match)) for cut, match in found.items()} == {4.0: [2, 3], 7.5: [2, 4]}


def test_of_untreated_units_those_of_lowest_propensity_choose_first():
    frame = pd.DataFrame({"member": [0, 0, 0, 1, 1, 1], "size": [1.0, 2.0, 5.0, 2.5, 4.0, 6.0]})
    options = {"distance": "propensity", "estimand": "ATC", "replace": False, "ratio": 1}
    default = ce.Matching(on=["size"], **options).fit_frame(frame, treatment="member")
    for order in ("smallest", "largest"):
        match = ce.Matching(on=["size"], **options, order=order).fit_frame(frame, treatment="member")
        assert match.pairs().equals(default.pairs()) == (order == "smallest")


@pytest.mark.parametrize(("options", "message"), BAD)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        ce.Matching(**{"on": ["size"]} | options)


def test_all_impossible_options_are_listed_at_once():
    with pytest.raises(OptionError, match="4 problems") as caught:
        ce.Matching(on="size", ratio=0, horizon=-1, caliper=-1, lags=0)
    assert len(caught.value.problems) == 4


def test_options_are_frozen_comparable_and_take_lists_and_single_names():
    one = ce.Matching(on="size", exact=["industry"], lags=1)
    assert one == ce.Matching(on=("size",), exact=("industry",), lags=(1,))
    assert hash(one) == hash(ce.Matching(on=("size",), exact=("industry",), lags=(1,)))
    assert (one.on, one.lags) == (("size",), (1,))
    with pytest.raises(AttributeError):
        one.ratio = 2


def test_nearest_in_the_risk_set():
    match = ce.Matching(on=["size"], horizon=1).fit(world())
    assert match.pairs()[["treated", "control", "cohort"]].to_numpy().tolist() == [[1, 2, 2002], [4, 2, 2003]]
    assert match.covariates == ("size[-1]", "size[-2]")
    assert match.x_treated.tolist() == [[6.0, 5.0], [6.0, 6.0]]
    assert match.x_control.tolist() == [[6.1, 5.0], [6.0, 6.1]]
    assert match.design.horizon == 1


def test_horizon_decides_who_is_still_untreated():
    assert controls(ce.Matching(on=["size"], horizon=0).fit(world()))[0] == 4
    assert controls(ce.Matching(on=["size"], horizon=1).fit(world()))[0] == 2


def test_exact_forbid_and_exclude_bar_candidates():
    assert controls(ce.Matching(on=["size"], exact=["industry"], ratio=3).fit(world(industry="b"))) == [5, 2, 3]
    assert controls(ce.Matching(on=["size"], forbid=["county"]).fit(world(county=2)))[0] == 5
    barred = panel(
        rows(1, [5.0, 6, 9, 9], 2002), rows(2, [5.0, 6, 6, 6], barred=[False, False, False, True]), rows(3, 4.0)
    )
    assert controls(ce.Matching(on=["size"], exclude="barred", lags=1).fit(barred)) == [3]


def test_weights_are_one_for_treated_and_sums_for_controls():
    match = ce.Matching(on=["size"], horizon=1, ratio=2).fit(world())
    assert match.weights.to_dict() == {1: 1.0, 2: 1.0, 3: 1.0, 4: 1.0}
    assert match.pairs()["weight"].tolist() == [0.5] * 4
    np.testing.assert_allclose(match.pairs().groupby("treated")["weight"].sum(), 1.0)


def lost(match):
    return match.unmatched().set_index("unit")[["reason", "constraint"]].agg(": ".join, axis=1).to_dict()


def test_every_unmatched_unit_has_its_reason_and_the_last_constraint():
    nan = float("nan")
    firms = [
        rows(1, [5.0, 6.0, 9.0, 9.0], 2002),
        rows(2, [5.0, nan, 9.0, 9.0], 2002),
        rows(3, [5.0, 6.0, 9.0, 9.0], 2002, industry="z"),
        rows(4, [5.0, 6.0, 9.0, 9.0], 2002, county=9),
        rows(5, [50.0, 60.0, 9.0, 9.0], 2002),
        rows(6, [5.0, 6.0, 9.0, 9.0], 2002, industry=[None] * 4),
        rows(7, [5.0, 6.0, 9.0, 9.0], 2001),
        rows(8, [5.0, 6.1, 6.0, 6.0], county=9),
        rows(9, [4.0, 5.0, 6.0, 6.0], county=9),
        rows(10, [nan, 5.0, 6.0, 6.0], county=9),
    ]
    matching = ce.Matching(on=["size"], exact=["industry"], forbid=["county"], caliper=1.0, distance="scaled_euclidean")
    match = matching.fit(panel(*firms))
    assert lost(match) == {
        2: "missing values: size[-1]",
        3: "no candidate left: exact: industry",
        4: "no candidate left: forbid: county",
        5: "no candidate left: caliper",
        6: "missing values: exact: industry",
        7: "missing values: size[-2]",
    }
    table = match.unmatched().set_index("unit")
    stages = ["risk set", "exact: industry", "missing values", "forbid: county", "caliper"]
    assert table.columns.tolist() == ["cohort", "reason", "constraint", *stages]
    assert table.loc[3, stages].tolist() == [3, 0, 0, 0, 0]
    assert table.loc[4, stages].tolist() == [3, 3, 2, 0, 0]
    assert table.loc[5, stages].tolist() == [3, 3, 2, 2, 0]
    assert table.loc[2, stages].isna().all()
    assert match.sample.to_dict() == {
        "rows_in": 7,
        "rows_used": 1,
        "dropped": {"missing values": 3, "no candidate left": 3},
        "counts": {
            "treated units": 7,
            "matched treated units": 1,
            "controls": 1,
            "pairs": 1,
            "candidates": 3,
            "candidates with complete values": 2,
        },
    }
    check = next(check for check in match.checks() if check.name == "unmatched treated units")
    assert check.verdict == "warn"
    assert check.message == "6 of 7 treated units have no control; the effect is that on the 1 others"


def test_a_unit_may_find_its_controls_taken():
    firms = [rows(1, 5.0, 2002), rows(2, 5.1, 2002), rows(3, 5.0), rows(4, 9.0, industry="b")]
    match = ce.Matching(on=["size"], lags=1, exact=["industry"], replace=False).fit(panel(*firms))
    assert lost(match) == {2: "no candidate left: taken by other treated units"}


def test_a_cohort_without_candidates_is_reported():
    firms = [rows(1, 5.0, 2002), rows(2, 5.1, 2003), rows(3, [6.0, 6.0, np.nan, 6.0]), rows(4, [7.0, 7.0, np.nan, 6.0])]
    match = ce.Matching(on=["size"], lags=1).fit(panel(*firms))
    assert lost(match) == {2: "no candidate left: missing values"}


def test_units_outside_common_support_are_reported():
    frame = pd.DataFrame({"d": [1, 1, 1, 0, 0, 0, 0], "x": [0.0, 2.0, 9.0, -3.0, 1.0, 3.0, 0.5]})
    match = ce.Matching(on=["x"], distance="propensity", trim="treated").fit_frame(frame, treatment="d")
    assert lost(match) == {2: "outside common support: trim"}
    assert match.pairs()["treated"].tolist() == [0, 1]


def test_nobody_treated_is_refused():
    with pytest.raises(EstimationError, match="no unit is treated – expected a cohort or treatment column"):
        ce.Matching(on=["size"]).fit(panel(rows(1, 5.0), rows(2, 5.0)))


def test_no_control_is_refused():
    firms = [rows(1, 5.0, 2002), rows(2, 5.0, barred=True), rows(3, 4.0, 2003)]
    with pytest.raises(EstimationError, match="no unit can serve as a control – exclude: barred: 2 removed"):
        ce.Matching(on=["size"], exclude="barred").fit(panel(*firms))
    with pytest.raises(EstimationError, match="no unit can serve as a control – never treated, or treated after"):
        ce.Matching(on=["size"]).fit(panel(rows(1, 5.0, 2002)))


def test_nobody_complete_is_refused():
    firms = [rows(1, 5.0, 2000), rows(2, 5.0)]
    with pytest.raises(
        EstimationError, match=r"missing among 1 treated units: size\[-1\] \(1\), size\[-2\] \(1\), exact"
    ):
        ce.Matching(on=["size"], exact=["industry"]).fit(panel(*firms))
    with pytest.raises(EstimationError, match="risk sets without complete units"):
        ce.Matching(on=["size"]).fit(panel(rows(1, 5.0, 2002), rows(2, np.nan)))


def test_constant_covariates_are_refused():
    with pytest.raises(EstimationError, match=r"matching variables do not vary – constant: size"):
        ce.Matching(on=["size"]).fit(panel(rows(1, 5.0, 2002), rows(2, 5.0)))


def test_no_pair_at_all_is_refused_with_the_constraints():
    with pytest.raises(
        EstimationError, match="no treated unit has a candidate – last removed by exact: industry: 1 units"
    ):
        ce.Matching(on=["size"], exact=["industry"]).fit(panel(rows(1, 5.0, 2002, industry="z"), rows(2, 6.0)))


def test_missing_and_textual_columns_are_refused():
    with pytest.raises(ColumnError, match="did you mean 'size'"):
        ce.Matching(on=["siez"]).fit(world())
    with pytest.raises(ColumnError, match="column 'industry' is not numeric"):
        ce.Matching(on=["industry"]).fit(world())
    with pytest.raises(ColumnError, match="column 'size' is not 0 and 1"):
        ce.Matching(on=["size"], exclude="size").fit(world())


def test_collinear_variables_are_said():
    firms = [rows(k, 5.0 + k, 2002 if k < 2 else None) for k in range(5)]
    match = ce.Matching(on=["size"]).fit(panel(*firms))
    check = next(check for check in match.checks() if check.name == "collinear matching variables")
    assert (check.verdict, check.statistic, check.threshold) == ("info", 1.0, 2.0)


def test_risk_sets_too_small_for_the_distance_are_said():
    rng = np.random.default_rng(1)
    late = [rows(k, [np.nan, np.nan, *rng.normal(size=2)], 2002 if k == 0 else None) for k in range(2)]
    early = [rows(k, rng.normal(size=4), None if k > 12 else 2002) for k in range(10, 30)]
    last = [rows(50, rng.normal(size=4), 2003)]
    gone = [frame.assign(size=frame["size"].where(frame["year"] != 2002)) for frame in early]
    both = [rows(60, rng.normal(size=4)), rows(61, rng.normal(size=4))]
    match = ce.Matching(on=["size"], lags=(1, 2), horizon=0).fit(panel(*late, *gone, *last, *both))
    check = next(check for check in match.checks() if check.name == "risk sets too small for the distance")
    assert check.verdict == "warn"
    assert check.message == "too few units to measure nearness in all variables: cohorts 2003"


def test_regression_to_the_mean_is_looked_for():
    rng = np.random.default_rng(4)
    firms = []
    for firm in range(300):
        level = 2.0 * (firm < 100)
        firms.append(rows(firm, level + rng.normal(size=4), 2003 if firm < 100 else None))
    match = ce.Matching(on=["size"], lags=(1,)).fit(panel(*firms))
    check = match.checks()[-1]
    assert check.name == "regression to the mean: size"
    assert check.verdict == "warn"
    assert check.statistic > 1.96
    assert "from -1 back to -2" in check.message
    early = ce.Matching(on=["size"], lags=(1, 2, 3)).fit(panel(*firms)).checks()[-1]
    assert early.verdict == "info"
    assert "is not observed, so that this cannot be checked" in early.message


def test_provenance_holds_options_and_fingerprint():
    one = ce.Matching(on=["size"], order="random", rng=7, replace=False, horizon=1).fit(world())
    assert one.provenance.seed == 7
    assert one.provenance.options["on"] == ["size"]
    assert one.provenance.fingerprint
    assert ce.Matching(on=["size"], horizon=1).fit(world()).provenance.fingerprint == one.provenance.fingerprint


FRAME = pd.DataFrame(
    {
        "id": ["t1", "c3", "c2", "c1", "t2"],
        "member": [True, False, False, False, True],
        "size": [1.0, 1.1, 5.0, 2.0, 4.0],
        "kind": ["a", "a", None, "b", "b"],
        "barred": [None, False, False, True, None],
    }
)


def test_cross_sections_take_units_in_the_order_of_their_identifiers():
    match = ce.Matching(on=["size"]).fit_frame(FRAME, treatment="member", unit="id")
    assert match.pairs().iloc[:, :2].to_numpy().tolist() == [["t1", "c3"], ["t2", "c2"]]
    assert match.units.tolist() == ["c1", "c2", "c3", "t1", "t2"]
    assert "cohort" not in match.pairs().columns
    assert "cohort" not in match.unmatched().columns
    by_row = ce.Matching(on=["size"]).fit_frame(FRAME, treatment="member")
    assert by_row.pairs().iloc[:, :2].to_numpy().tolist() == [[0, 1], [4, 2]]


@pytest.mark.parametrize(
    "convert", [pl.from_pandas, lambda frame: frame, lambda frame: pl.from_pandas(frame).to_arrow()]
)
def test_cross_sections_come_from_any_frame(convert):
    match = ce.Matching(on=["size", "kind"], exclude="barred").fit_frame(convert(FRAME), treatment="member", unit="id")
    assert match.pairs()["control"].tolist() == ["c3", "c3"]
    assert match.covariates == ("size", "kind_a", "kind_b")


def test_cross_sections_with_bad_roles_are_refused():
    matching = ce.Matching(on=["size"])
    with pytest.raises(ColumnError, match="column 'size' is not 0 and 1"):
        matching.fit_frame(FRAME, treatment="size")
    with pytest.raises(ColumnError, match="column 'barred' is not 0 and 1"):
        matching.fit_frame(FRAME, treatment="barred")
    with pytest.raises(ColumnError, match="column 'who' is missing"):
        matching.fit_frame(FRAME, treatment="who")
    with pytest.raises(InputError, match="2 identifiers occur more than once – column 'kind': a, b"):
        matching.fit_frame(FRAME, treatment="member", unit="kind")
    with pytest.raises(InputError, match="1 identifiers are missing"):
        matching.fit_frame(FRAME, treatment="member", unit="kind")
    with pytest.raises(TypeError, match="expected a pandas, polars or pyarrow table"):
        matching.fit_frame([1, 2], treatment="member")


def test_the_frame_is_not_changed():
    before = FRAME.copy()
    ce.Matching(on=["size", "kind"], exclude="barred").fit_frame(FRAME, treatment="member", unit="id")
    pd.testing.assert_frame_equal(FRAME, before)


def test_summary_says_how_the_match_was_made():
    text = str(
        ce.Matching(on=["size"], exact=["industry"], forbid=["county"], ratio=2, caliper=9)
        .fit(world(county=7))
        .summary()
    )
    assert "2 nearest neighbour(s) with replacement, exact on industry, not sharing county, caliper 9" in text
    assert "never treated, or treated later than 5 periods after the cohort" in text
    assert "Mean differences in standard deviations of the treated before matching." in text
    propensity = ce.Matching(on=["size"], distance="propensity").fit_frame(
        pd.DataFrame({"d": [1, 0, 1, 0], "size": [1.0, 2.0, 3.0, 1.5]}), treatment="d"
    )
    assert propensity.design.distance == "propensity score from a logit, linear"
    assert propensity.design.candidates == "all untreated"


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_workers_change_nothing(backend):
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"d": rng.random(600) < 0.1, "x": rng.normal(size=600), "g": rng.integers(0, 4, 600)})
    options = {"on": ["x"], "exact": ["g"], "ratio": 2, "replace": False}
    one = ce.Matching(**options).fit_frame(frame, treatment="d")
    two = ce.Matching(**options, workers=2, backend=backend).fit_frame(frame, treatment="d")
    pd.testing.assert_frame_equal(one.pairs(), two.pairs())


def test_a_distance_of_the_user():
    frame = pd.DataFrame({"d": [1, 1, 0, 0, 0], "x": [0.0, 5.0, 1.0, 4.0, 9.0], "w": [0.0, 0.0, 9.0, 9.0, 0.0]})

    def city_block(one, other):
        return np.abs(one[:, None] - other[None]).sum(axis=2)

    match = ce.Matching(on=["x", "w"], distance=city_block).fit_frame(frame, treatment="d")
    assert match.pairs()[["control", "distance"]].to_numpy().tolist() == [[4, 9.0], [4, 4.0]]
    assert match.design.distance == "function city_block"

    def impossible(one, other):
        return np.where(other[None, :, 0] > 8, np.inf, city_block(one, other))

    pairs = ce.Matching(on=["x", "w"], distance=impossible, method="optimal", replace=False).fit_frame(
        frame, treatment="d"
    )
    assert pairs.pairs()["control"].tolist() == [2, 3]
    with pytest.raises(EstimationError, match=r"shape \(2,\) – expected numbers of at least 0 in shape \(2, 3\)"):
        ce.Matching(on=["x"], distance=lambda one, other: one[:, 0]).fit_frame(frame, treatment="d")  # noqa: ARG005


def test_a_score_that_exists_already():
    frame = pd.DataFrame({"d": [1, 1, 0, 0, 0], "x": [1.0, 2.0, 1.5, 9.0, 8.0], "s": [5.0, 6.0, 1.0, 2.0, 3.0]})
    with pytest.raises(OptionError, match="option trim='both' – expected None, unless distance='propensity'"):
        ce.Matching(on=["x"], distance=ce.Score("s"), trim="both")
    near = ce.Matching(on=["x"], distance=ce.Score("s")).fit_frame(frame, treatment="d")
    assert near.pairs()["control"].tolist() == [4, 4]


def test_every_method_of_a_panel_hands_sets_to_the_effects():
    world = ce.datasets.simulate_programme(
        ce.datasets.ProgrammeOptions(n_firms=1500, n_members=120, n_organisations=6), rng=3
    )
    panel = ce.Panel(world.frame, unit="firm", time="year", cohort="cohort", group="organisation")
    options = {"on": ["log_employees"], "growth": ["log_value_added"], "lags": {"log_value_added": (1, 3)}}
    for more in (
        {"method": "optimal", "replace": False, "ratio": 2},
        {"method": "full"},
        {"method": "coarsened_exact", "coarsening": ce.Coarsening(default=4)},
        {"method": "subclass", "distance": "propensity"},
        {"method": "entropy"},
        {"method": "propensity_weighting", "distance": "propensity"},
        {"ratio": 3, "weigh": "entropy"},
    ):
        match = ce.Matching(**options, **more).fit(panel)
        effect = ce.MatchedDiD(window=(-2, 3)).fit(match, "log_value_added").aggregate("overall")
        assert abs(effect.params.iloc[0] - 0.04) < 0.08
        assert 0.004 < effect.std_errors.iloc[0] < 0.05
        assert match.sets.mass.sum() == match.n_treated


def test_options_that_a_method_has_no_use_for_are_refused():
    cases = [
        ({"method": "optimal", "order": "closest"}, "option order='closest' – expected left out with method='optimal'"),
        ({"method": "entropy", "near": ["x"]}, r"option near=\('x',\) – expected left out with method='entropy'"),
        ({"moments": 2}, "option moments=2 – expected left out with method='nearest'"),
        ({"subclasses": 5}, "option subclasses=5 – expected left out"),
        ({"coarsening": ce.Coarsening(default=4)}, "option coarsening=Coarsening"),
    ]
    for options, message in cases:
        with pytest.raises(OptionError, match=message):
            ce.Matching(on=["x"], **options)


def test_tables_of_a_panel_have_whole_years_and_of_a_cross_section_none():
    match = ce.Matching(on=["size"], lags=1, exact=["industry"], ratio=2).fit(
        panel(rows(1, 5.0, 2002), rows(2, 5.5), rows(3, 6.0))
    )
    for table in (match.ledger(), match.ledger("unit"), match.rungs()):
        assert table["cohort"].tolist() == [2002] * len(table)
        assert table["cohort"].dtype == np.int64
    assert match.ledger()["step"].tolist() == ["missing values"]
    frame = pd.DataFrame({"d": [1, 0, 0], "x": [1.0, 2.0, 3.0]})
    one = ce.Matching(on=["x"]).fit_frame(frame, treatment="d")
    assert "cohort" not in one.ledger().columns
    assert "cohort" not in one.rungs().columns

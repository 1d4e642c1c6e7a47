"""Classes by name, categories taken together, and cohorts for which a method finds nothing."""

import numpy as np
import pandas as pd
import pytest

import clustereffects as ce
from clustereffects.errors import EstimationError, OptionError


def frame():
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {"joined": np.arange(60) < 15, "size": rng.normal(size=60), "town": rng.choice(list("abc"), 60), "code": 1}
    ).assign(code=rng.integers(0, 4, 60))


def classes(on, **options):
    match = ce.Matching(on=on, method="coarsened_exact", coarsening=ce.matching.Coarsening(**options))
    return match.fit_frame(frame(), treatment="joined")


def panel(sizes, joined):
    """Firms with a constant size, in the years 2000 to 2005."""
    rows = [
        {"firm": firm, "year": year, "size": size + 0.01 * year, "joined": first}
        for firm, (size, first) in enumerate(zip(sizes, joined, strict=True))
        for year in range(2000, 2006)
    ]
    return ce.Panel(pd.DataFrame(rows), unit="firm", time="year", cohort="joined")


def test_categories_taken_together_are_one_class():
    match = classes(["town"], grouping={"town": [["a", "b"]]})
    town = frame()["town"].replace("b", "a")
    sets = match.members().assign(town=lambda table: town[table["unit"]].to_numpy()).groupby("set")["town"]
    assert sorted(map(tuple, sets.unique())) == [("a",), ("c",)]


def test_numbers_taken_together_are_one_class():
    match = classes(["code"], grouping={"code": [[0, 3], [1, 2]]})
    assert len(match.sets.mass) == 2


def test_few_classes_of_numbers_leave_categories_apart():
    match = classes(["size", "town"], default=1)
    assert len(match.sets.mass) == 3


def test_cutpoints_are_by_column_in_a_panel_too():
    world = panel([1.0, 2.0, 8.0, 9.0], [2003, None, 2003, None])
    for name in ("size", "size[-1]"):
        cuts = ce.matching.Coarsening(cutpoints={name: [500.0]})
        match = ce.Matching(on=["size"], lags=(1,), method="coarsened_exact", coarsening=cuts).fit(world)
        assert match.sets.mass.tolist() == [2.0]


def test_a_class_of_no_column_is_refused():
    with pytest.raises(OptionError, match=r"coarsening of sise – expected columns to match on: size"):
        classes(["size"], cutpoints={"sise": 3})


def test_a_cohort_without_a_common_class_is_unmatched_and_the_others_stay():
    world = panel([1.0, 50.0, 1.0, 2.0, 3.0], [2003, 2004, None, None, None])
    cuts = ce.matching.Coarsening(cutpoints={"size": [30.0]})
    options = ce.Matching(on=["size"], lags=(1,), horizon=0, method="coarsened_exact", coarsening=cuts)
    match = options.fit(world)
    assert match.sets.cohort.tolist() == [2003]
    assert match.unmatched()[["unit", "constraint"]].to_numpy().tolist() == [[1, "no set with candidates"]]
    with pytest.raises(EstimationError, match="cohort 2004: coarsened exact matching on 2 covariates"):
        options.fit(panel([50.0, 1.0, 2.0], [2004, None, None]))


def test_weights_that_do_not_exist_name_their_cohort():
    world = panel([1.5, 50.0, 1.0, 2.0, 3.0], [2003, 2004, None, None, None])
    with pytest.raises(EstimationError, match="cohort 2004: furthest"):
        ce.Matching(on=["size"], lags=(1,), horizon=0, method="entropy").fit(world)


def test_a_cohort_without_common_support_is_trimmed_and_the_others_stay():
    rng = np.random.default_rng(0)
    sizes = [1.0, 0.5, 1.5, *rng.normal(0.8, 1.0, 40), 9.0]
    world = panel(sizes, [2003, 2003, 2003, *[None] * 40, 2004])
    options = ce.Matching(on=["size"], lags=(1,), horizon=0, distance="propensity", trim="treated")
    match = options.fit(world)
    assert match.unmatched()[["unit", "reason"]].to_numpy().tolist() == [[43, "outside common support"]]
    assert match.sample.rows_in == 4
    assert len(match.rungs()) == 3

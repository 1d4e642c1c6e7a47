import numpy as np
import pytest

from clustereffects.matching.history import Bound, History, Variable
from clustereffects.matching.risk_set import RiskSet, Units, cross_section, risk_sets

NAN = np.nan
YEARS = range(2000, 2005)


def reader(values):
    """Read the columns of a matrix of units and years; other years are missing."""
    values = np.asarray(values)
    gone = np.full(len(values), -1 if values.dtype.kind == "i" else NAN)
    return lambda year: values[:, year - 2000] if year in YEARS else gone


def numbered(n):
    return np.arange(n * 5, dtype=float).reshape(n, 5)


def history(cohorts, **parts):
    given = {"variables": (Variable(reader(numbered(len(cohorts))), (1,)),)} | parts
    return History(cohorts=np.array(cohorts, float), **given)


def sets(cohorts, *, horizon=0, active=0, candidates="not_yet_treated", **parts):
    return list(risk_sets(history(cohorts, **parts), horizon=horizon, active=active, candidates=candidates))


def flags(*units):
    """A removal of these units, whatever the cohort."""
    return lambda _: np.isin(np.arange(6), units)


def test_candidates_are_treated_after_the_horizon_or_never():
    found = sets([2002, NAN, 2003, 2004, 2001], horizon=1)
    assert [one.cohort for one in found] == [2001, 2002, 2003, 2004]
    assert [one.control.unit.tolist() for one in found] == [[1, 2, 3], [1, 3], [1], [1]]
    assert [one.treated.unit.tolist() for one in found] == [[4], [0], [2], [3]]
    assert [one.tally.candidates for one in found] == [3, 2, 1, 1]


def test_candidates_that_are_never_treated():
    found = sets([2002, NAN, 2003, 2004, 2001], candidates="never_treated")
    assert [one.control.unit.tolist() for one in found] == [[1]] * 4


def test_removed_units_are_treated_but_never_controls():
    one = sets([2002, NAN, NAN, NAN, NAN, NAN], removals=(flags(0, 1),))[0]
    assert one.treated.unit.tolist() == [0]
    assert one.control.unit.tolist() == [2, 3, 4, 5]


def test_steps_are_counted_in_order_and_alone():
    one = sets([2002, *[NAN] * 5], removals=(flags(1, 2, 3), flags(3, 4), flags()))[0]
    tally = one.tally
    assert tally.candidates == 5
    assert tally.concerned.tolist() == [0, 3, 2, 0]
    assert tally.removed.tolist() == [0, 3, 1, 0]
    assert tally.only.tolist() == [0, 2, 1, 0]
    assert one.control.unit.tolist() == [5]
    assert tally.complete == 1


def test_a_removal_is_asked_for_its_cohort():
    found = sets([2002, 2003, NAN, NAN], removals=(lambda cohort: np.arange(4) == cohort - 2000,))
    assert [one.control.unit.tolist() for one in found] == [[1, 3], [2]]


def test_values_are_those_before_joining_for_each_variable_and_its_lags():
    values = numbered(2)
    variables = (Variable(reader(values), (1, 3)), Variable(reader(-values), (2,)))
    one = sets([2003, NAN], variables=variables)[0]
    assert one.treated.x.tolist() == [[2.0, 0.0, -1.0]]
    assert one.control.x.tolist() == [[7.0, 5.0, -6.0]]


def test_growth_is_the_mean_yearly_change_from_the_largest_lag_to_the_smallest():
    values = np.array([[1.0, 8.0, 7.0, NAN, NAN], [1.0, NAN, 4.0, NAN, NAN]])
    one = sets([2003, NAN], variables=(Variable(reader(values), (1, 2, 3), growth=True),))[0]
    assert one.treated.x.tolist() == [[3.0]]
    assert one.control.x.tolist() == [[1.5]]


def test_codes_are_those_of_the_period_before_joining():
    codes = np.array([[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]])
    parts = {"exact": ((reader(codes),),), "forbid": (reader(codes + 10),)}
    one = sets([2003, NAN], **parts)[0]
    assert one.treated.exact.tolist() == [[2]]
    assert one.control.exact.tolist() == [[7]]
    assert one.control.forbid.tolist() == [[17]]


def test_units_must_be_observed_in_the_active_periods():
    values = numbered(4)
    values[1, 1] = values[2, 2] = values[3, 0] = NAN
    values[0, 1] = NAN
    one = sets([2004, NAN, NAN, NAN], active=3, variables=(Variable(reader(values), (1,)),))[0]
    assert one.tally.removed.tolist() == [2]
    assert one.control.unit.tolist() == [3]
    assert one.lacking.tolist() == [0]
    assert one.lacks.tolist() == [[False, True]]


def test_observed_with_any_variable_is_observed():
    first, second = numbered(2), numbered(2)
    first[1, 1] = second[1, 2] = NAN
    variables = (Variable(reader(first), (1,)), Variable(reader(second), (2,)))
    assert sets([2003, NAN], active=2, variables=variables)[0].control.unit.tolist() == [1]
    seen = history([2003, NAN], variables=variables, present=lambda year: np.array([True, year != 2002]))
    assert next(risk_sets(seen, horizon=0, active=1)).control.unit.tolist() == []


def test_missing_values_are_counted_by_column_and_leave_the_risk_set():
    values, size = numbered(6), np.ones((6, 5))
    values[1, 1] = values[2, 1] = values[5, 0] = NAN
    size[2, 1], size[3, 1] = NAN, 0.0
    codes = np.zeros((6, 5), int)
    codes[4, 1] = -1
    variables = (Variable(reader(values), (1, 2)),)
    parts = {"exact": ((reader(codes),),), "bounds": (Bound(reader(size), log=True),)}
    one = sets([2002, *[NAN] * 5], variables=variables, **parts)[0]
    # y[-1], y[-2], exact, bound, its logarithm, active
    assert one.tally.missing.tolist() == [2, 1, 1, 1, 1, 0]
    assert one.tally.complete == 0
    assert one.control.unit.tolist() == []
    assert one.control.x.shape == (0, 2)


def test_treated_units_that_lack_values_are_told_with_what_they_lack():
    values = numbered(3)
    values[1, 1] = NAN
    one = sets([2002, 2002, NAN], variables=(Variable(reader(values), (1, 2)),))[0]
    assert one.treated.unit.tolist() == [0]
    assert one.lacking.tolist() == [1]
    assert one.lacks.tolist() == [[True, False, False]]
    assert one.tally.alike.shape == (1, 1, 3)


def test_values_stay_with_their_units_when_others_leave():
    values = numbered(5)
    values[2, 1] = NAN
    one = sets([2002, *[NAN] * 4], variables=(Variable(reader(values), (1, 2)),))[0]
    assert one.control.unit.tolist() == [1, 3, 4]
    assert one.control.x.tolist() == [[6.0, 5.0], [16.0, 15.0], [21.0, 20.0]]


def test_bounds_are_values_or_logarithms_before_joining():
    size = np.array([[9.0, 1.0, 9, 9, 9], [9.0, np.e, 9, 9, 9]])
    one = sets([2002, NAN], bounds=(Bound(reader(size), log=True), Bound(reader(size))))[0]
    assert one.treated.bound.tolist() == [[0.0, 1.0]]
    assert one.control.bound.tolist() == [[1.0, np.e]]


def test_rungs_join_the_levels_of_all_columns():
    fine, coarse, size = (
        np.repeat(np.array(c)[:, None], 5, axis=1) for c in ([0, 0, 1, -1], [0, 0, 0, 0], [1, 0, 1, 1])
    )
    parts = {"exact": ((reader(fine), reader(coarse)), (reader(size),)), "rungs": ((0, 0), (1, 0))}
    one = sets([2002, *[NAN] * 3], **parts)[0]
    own = one.treated.strata[0]
    assert (one.control.strata == own).tolist() == [[False, False], [False, True], [False, True]]
    assert one.control.strata[2, 0] == -1
    assert one.control.exact.tolist() == [[0, 0], [1, 1], [-1, 1]]
    assert one.tally.missing.sum() == 0
    assert one.tally.alike.tolist() == [[[0, 0, 0], [2, 2, 2]]]


def test_a_unit_without_any_joint_code_lacks_the_columns_that_the_coarsest_rung_lacks():
    known, gone = np.zeros((2, 5), int), np.array([[0] * 5, [-1] * 5])
    one = sets([2002, NAN], exact=((reader(known),), (reader(gone),)))[0]
    assert one.tally.missing.tolist() == [0, 0, 1, 0]


def test_candidates_alike_are_counted_after_each_step():
    code = np.repeat(np.array([0, 0, 0, 1, 0, -1])[:, None], 5, axis=1)
    values = numbered(6)
    values[4, 1] = NAN
    parts = {"exact": ((reader(code),),), "variables": (Variable(reader(values), (1,)),)}
    one = sets([2002, *[NAN] * 5], removals=(flags(1, 3),), **parts)[0]
    assert one.tally.alike.tolist() == [[[3, 3, 2, 1]]]


def test_many_values_share_no_joint_code_by_overflow():
    rng = np.random.default_rng(0)
    columns = [rng.integers(0, 3, 2000) * (1 << 20) for _ in range(3)]
    exact = tuple((reader(np.repeat(column[:, None], 5, axis=1)),) for column in columns)
    one = sets([2002, *[NAN] * 1999], exact=exact)[0]
    codes = np.concatenate([one.treated.strata, one.control.strata])[:, 0]
    together = np.unique(np.stack(columns), axis=1, return_inverse=True)[1].ravel()
    assert (codes >= 0).all()
    assert (
        len(set(zip(codes.tolist(), together.tolist(), strict=True))) == len(set(together.tolist())) == len(set(codes))
    )


def test_codes_are_as_small_as_they_can_be():
    few, many = np.zeros((2, 5), np.int32), np.full((2, 5), 1 << 20, np.int32)
    assert sets([2002, NAN], exact=((reader(few),), (reader(few),)))[0].control.strata.dtype == np.int16
    assert sets([2002, NAN], exact=((reader(few),), (reader(many),)))[0].control.strata.dtype == np.int32


def test_without_exact_columns_there_is_one_stratum():
    one = sets([2002, NAN])[0]
    assert one.treated.strata.tolist() == one.control.strata.tolist() == [[0]]
    assert one.control.exact.shape == (1, 0)


def test_periods_that_do_not_exist_are_missing():
    early = sets([2000, NAN], exact=((reader(np.zeros((2, 5), int)),),))[0]
    assert not early.live
    assert early.lacking.tolist() == [0]
    assert early.tally.missing.tolist() == [1, 1, 0]


def test_a_lag_into_treatment_is_refused():
    with pytest.raises(ValueError, match="matching sees only periods before joining"):
        Variable(reader(numbered(2)), (0, 1))


def test_growth_over_one_lag_is_refused():
    with pytest.raises(ValueError, match="growth needs two lags"):
        Variable(reader(numbered(2)), (2,), growth=True)


def test_other_candidates_are_refused():
    with pytest.raises(ValueError, match="candidates must be"):
        risk_sets(history([2003, NAN]), horizon=0, candidates="everybody")


def test_a_cross_section_asks_for_one_period():
    asked = []

    def read(period):
        asked.append(period)
        return np.array([1.0, 2.0, 3.0])

    one = cross_section(
        history([NAN, 7.0, NAN], variables=(Variable(read, (1,)),), removals=(lambda _: flags(0)(0)[:3],))
    )
    assert np.isnan(one.cohort)
    assert one.treated.x.tolist() == [[2.0]]
    assert one.control.unit.tolist() == [2]
    assert set(asked) == {0}


def test_nobody_treated_makes_no_risk_set():
    assert sets([NAN, NAN]) == []


def test_sides_made_by_hand_can_be_completed():
    codes = np.array([[0], [-1], [0]])
    side = Units(np.arange(3), np.array([[1.0], [2.0], [NAN]]), codes, np.zeros((3, 0), int))
    one = RiskSet(2004.0, side.take(np.array([0])), side)
    assert one.complete().control.unit.tolist() == [0]
    assert one.complete().treated is one.treated
    assert one.is_treated.tolist() == [True, False, False, False]
    assert one.x.shape == (4, 1)
    assert one.tally.candidates == 0

"""Clauses on options: frozen, comparable, and written so that they can be read back."""

import dataclasses

import pytest

import clustereffects as ce
from clustereffects.errors import OptionError
from clustereffects.results import options_of
from conformance.cases import CASES, matching

OTHERWISE_TESTED = {"Triangulation"}
NAMES = {name: getattr(ce, name) for name in ce.__all__}
ESTIMATORS = [*(pytest.param(case.estimator, id=case.id) for case in CASES), pytest.param(matching, id="matching")]


def test_every_public_estimator_is_put_through():
    public = {name for name, value in NAMES.items() if dataclasses.is_dataclass(value) and hasattr(value, "fit")}
    assert public - OTHERWISE_TESTED == {case.name for case in CASES} | {"Matching"}


@pytest.mark.parametrize("make", ESTIMATORS)
def test_options_are_frozen(make):
    estimator = make()
    for field in dataclasses.fields(estimator):
        with pytest.raises(dataclasses.FrozenInstanceError, match=field.name):
            setattr(estimator, field.name, None)
    with pytest.raises((AttributeError, TypeError), match="something_new"):
        estimator.something_new = 1


@pytest.mark.parametrize("make", ESTIMATORS)
def test_options_are_keywords_only(make):
    with pytest.raises(TypeError, match="positional argument"):
        type(make())("anything")


@pytest.mark.parametrize("make", ESTIMATORS)
def test_repr_can_be_read_back(make):
    estimator = make()
    again = eval(repr(estimator), dict(NAMES))  # noqa: S307  (the text is our own)
    assert again == estimator
    assert hash(again) == hash(estimator)
    assert repr(again) == repr(estimator)


@pytest.mark.parametrize("make", ESTIMATORS)
def test_equality_is_by_options(make):
    estimator = make()
    assert estimator == make()
    assert estimator != object()
    assert options_of(estimator) == options_of(make())


@pytest.mark.parametrize("name", sorted({case.name for case in CASES} - {"HierarchicalEffects"}))
def test_an_impossible_variance_is_refused(name):
    with pytest.raises(OptionError, match=r"option variance='robust' – expected Cluster\(...\)"):
        NAMES[name](variance="robust")


def test_variances_are_options_too():
    for variance in (
        ce.Cluster("a", "b", small_sample="stata"),
        ce.MultiplierBootstrap(draws=199, rng=4),
        ce.Jackknife("a", df="clusters"),
        ce.WildBootstrap("a", draws=199, rng=4),
    ):
        assert eval(repr(variance), dict(NAMES)) == variance  # noqa: S307  (the text is our own)
        with pytest.raises(dataclasses.FrozenInstanceError):
            variance.draws = 1
    assert len({ce.Cluster("a"), ce.Cluster("a"), ce.Cluster("b")}) == 2

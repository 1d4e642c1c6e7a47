"""What must hold for dependence groups, exact pairs and scale maps whatever the evidence."""

import dataclasses
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustereffects.errors import EvidenceError
from clustereffects.triangulation.blocks import ends
from clustereffects.triangulation.dependence import DependenceGroup, grouped
from clustereffects.triangulation.exact_pair import exact_pair
from clustereffects.triangulation.scale_map import ScaleMap
from triangulation_cases import sign, survey

people = st.lists(st.sampled_from("ABCDEF"), max_size=3, unique=True).map(tuple)
rhos = st.one_of(st.just(0.3), st.tuples(st.floats(0, 0.5), st.floats(0.5, 1)))
chances = st.floats(0.02, 0.98)


@st.composite
def evidence(draw):
    items = []
    for i in range(draw(st.integers(1, 7))):
        name = draw(st.sampled_from(["", "", "x", "y"]))
        more = {"respondents": draw(people), "group": draw(st.sampled_from(["K01", "K02"]))}
        more |= {"dependence": name, "rho": {"": 0.0, "x": 0.3, "y": (0.4, 0.6)}[name]}
        items.append(survey(id=f"i{i}", **more) if draw(st.booleans()) else sign(f"i{i}", **more))
    return items


def _blocks(items):
    """Names of the items that are in one group of one cell."""
    found = {}
    for item in items:
        found.setdefault((item.group, item.dependence or item.id), set()).add(item.id)
    return {frozenset(names) for names in found.values()}


@given(evidence())
def test_grouping_twice_is_grouping_once(items):
    once = grouped(items)
    assert grouped(once) == once


@given(evidence(), st.randoms(use_true_random=False))
def test_the_order_of_the_items_does_not_matter(items, random):
    shuffled = list(items)
    random.shuffle(shuffled)
    assert _blocks(grouped(items)) == _blocks(grouped(shuffled))
    rho = {item.id: item.rho for item in grouped(items)}
    assert {item.id: item.rho for item in grouped(shuffled)} == rho


@given(evidence())
def test_whoever_shares_a_respondent_or_a_name_is_in_one_group(items):
    blocks = _blocks(grouped(items))
    for one, other in product(items, repeat=2):
        linked = set(one.respondents) & set(other.respondents) or (
            one.dependence and one.dependence == other.dependence
        )
        if one.group == other.group and linked:
            assert any({one.id, other.id} <= block for block in blocks)


@given(evidence())
def test_a_group_has_one_correlation_that_covers_what_was_declared(items):
    result = grouped(items)
    for block in _blocks(result):
        found = {item.rho for item in result if item.id in block}
        assert len(found) == 1
        low, high = ends(found.pop())
        for item in items:
            if item.id in block and item.dependence:
                own = ends(item.rho)
                assert low <= own[0] <= own[1] <= high


@given(evidence())
def test_declaring_everything_makes_one_group_per_organisation(items):
    group = DependenceGroup(id="all", members=tuple(item.id for item in items), reason="same_dataset")
    blocks = _blocks(grouped(items, [group]))
    assert len(blocks) == len({item.group for item in items})


@given(st.tuples(chances, chances, chances), st.tuples(chances, chances, chances), st.floats(0, 0.4), st.floats(0, 1))
def test_reports_of_a_pair_exhaust_the_possibilities_and_keep_the_margins(one, other, epsilon, noise):
    more = {"unreliability": epsilon, "noise": noise}
    total, first = np.zeros(3), np.zeros(3)
    for seen, too in product((True, False), repeat=2):
        pair = exact_pair(sign("a", one, observed=seen, **more), sign("b", other, observed=too), 0.0)
        found = np.array([pair.p_benefit, pair.p_negligible, pair.p_harm])
        total += found
        first += found * seen
    np.testing.assert_allclose(total, 1, rtol=1e-9)
    np.testing.assert_allclose(first, (1 - epsilon) * np.array(one) + epsilon * noise, rtol=1e-9)


@given(st.floats(0.05, 0.95), st.floats(0.05, 0.95), st.floats(-1, 1))
def test_a_correlation_is_kept_or_refused(one, other, rho):
    spread = np.sqrt(one * (1 - one) * other * (1 - other))
    feasible = max(0, one + other - 1) <= one * other + rho * spread <= min(one, other)
    first, second = sign("a", (one, one, one)), sign("b", (other, other, other))
    if feasible:
        assert exact_pair(first, second, rho).p_benefit == pytest.approx(one * other + rho * spread, abs=1e-12)
    else:
        with pytest.raises(EvidenceError, match="the correlation under benefit"):
            exact_pair(first, second, rho)


@given(st.floats(-3, 3), st.floats(0.1, 2), st.floats(0.01, 5), st.floats(0, 2), st.floats(-1, 1), st.floats(0, 1))
def test_uncertainty_of_the_map_only_adds(value, error, factor, factor_sd, offset, offset_sd):
    item = dataclasses.replace(survey(value, error), bias=())
    sure = ScaleMap(name="m", factor=factor, factor_sd=0, offset=offset).estimate(item)
    unsure = ScaleMap(name="m", factor=factor, factor_sd=factor_sd, offset=offset, offset_sd=offset_sd).estimate(item)
    assert unsure.value == sure.value
    assert unsure.std_error >= sure.std_error * (1 - 1e-12)

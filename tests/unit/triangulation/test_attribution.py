"""Who or what accounts for what is observed: hypotheses, posterior, bounds, and that none of it moves the effect."""

import itertools

import numpy as np
import pytest

from clustereffects.errors import EvidenceError, OptionError
from clustereffects.results import Diagnostic
from clustereffects.triangulation import Rival, Theory, Triangulation, attribution_bounds
from clustereffects.triangulation.attribution import attribution, hypotheses
from clustereffects.triangulation.cells import rival_support
from clustereffects.triangulation.dependence import grouped
from clustereffects.triangulation.sorting import CellEvidence
from triangulation_cases import interviews


def _theory(**rivals):
    claim = {"outcome": "y", "scale": "log", "horizon": 3, "delta": 0.01, "rivals": list(rivals), "link": "ab"}
    return Theory.from_dict(
        {
            "nodes": {"a": {"kind": "activity"}, "b": {"kind": "outcome"}},
            "links": {"ab": {"from": "a", "to": "b"}},
            "claims": {"growth": claim},
            "rivals": {name: {"overlaps": list(overlaps)} if overlaps else {} for name, overlaps in rivals.items()},
        }
    )


def _sign(rival, otherwise=0.25, accounts=0.5, name="", **more):
    given = {"stream": "interviews", "observed": True, "p_harm": 0.3, "claim": "growth", "group": "K01"} | more
    return Diagnostic(id=name or rival, target=f"rival:{rival}", p_benefit=otherwise, p_negligible=accounts, **given)


def _found(theory, items, prior=None):
    found = attribution(theory, theory.claim("growth"), "K01", CellEvidence(rivals=tuple(items)), prior)
    return {one.hypothesis: one for one in found}


def test_without_overlap_each_explanation_stands_alone():
    assert [set(one) for one in hypotheses([Rival(id="a"), Rival(id="b")])] == [
        {"organisation"},
        {"a"},
        {"b"},
        set(),
    ]


def test_overlap_of_all_makes_every_combination():
    rivals = [Rival(id="a", overlaps=("b", "organisation")), Rival(id="b", overlaps=("organisation",))]
    found = hypotheses(rivals)
    assert len(found) == len(set(found)) == 2**3 - 1 + 1
    assert frozenset(("organisation", "a", "b")) in found


def test_sets_in_which_one_pair_excludes_itself_are_left_out():
    found = hypotheses([Rival(id="a", overlaps=("b",)), Rival(id="b", overlaps=("c",)), Rival(id="c")])
    assert frozenset("ab") in found
    assert frozenset("bc") in found
    assert frozenset("abc") not in found


def test_too_many_joint_explanations_are_refused():
    names = [f"r{i}" for i in range(11)]
    with pytest.raises(OptionError, match="11 rivals make more than 1000 joint explanations"):
        hypotheses([Rival(id=name, overlaps=tuple(set(names) - {name})) for name in names])


def test_without_evidence_the_prior_stays():
    found = _found(_theory(boom=(), owner=()), [])
    assert [one.probability for one in found.values()] == [0.25] * 4
    assert all(one.lower == one.probability == one.upper == one.prior for one in found.values())
    assert found["boom"].note == "nothing was asked about boom"


def test_odds_of_a_rival_are_its_likelihood_ratio():
    items = [_sign("boom", 0.2, 0.9, name="x", unreliability=0.1), _sign("boom", 0.4, 0.5, name="y", observed=False)]
    found = _found(_theory(boom=()), items)
    ratio = found["boom"].probability / found["organisation"].probability
    assert ratio == pytest.approx(rival_support(items)[0])
    assert found["other"].probability == pytest.approx(found["organisation"].probability)
    assert sum(one.probability for one in found.values()) == pytest.approx(1)


def test_one_groups_items_count_together_whatever_rival_they_are_about():
    shared = {"dependence": "respondents", "rho": 1.0}
    found = _found(_theory(boom=(), owner=()), [_sign("boom", **shared), _sign("owner", **shared)])
    assert found["boom"].probability / found["other"].probability == pytest.approx(np.sqrt(2))


def test_joint_action_needs_signs_of_all_that_take_part():
    theory = _theory(boom=("owner",), owner=())
    both = _found(theory, [_sign("boom", 0.1, 0.9), _sign("owner", 0.1, 0.9)])
    assert both["boom + owner"].probability > 0.8
    one = _found(theory, [_sign("boom", 0.1, 0.9), _sign("owner", 0.1, 0.9, observed=False)])
    assert one["boom"].probability > one["boom + owner"].probability
    undeclared = _found(_theory(boom=(), owner=()), [_sign("boom", 0.1, 0.9), _sign("owner", 0.1, 0.9)])
    assert undeclared["boom"].probability == pytest.approx(undeclared["owner"].probability)
    assert undeclared["boom"].probability > 0.4


def test_the_organisation_may_have_worked_together_with_a_rival():
    found = _found(_theory(boom=("organisation",)), [_sign("boom", 0.1, 0.9)])
    assert found["organisation + boom"].probability == pytest.approx(found["boom"].probability)


def test_a_declared_prior_is_used_and_checked():
    theory = _theory(boom=())
    found = _found(theory, [_sign("boom")], {"organisation": 0.5, "boom": 0.5, "other": 0.0})
    assert found["boom"].probability == pytest.approx(2 / 3)
    assert (found["other"].probability, found["other"].lower, found["other"].upper) == (0.0, 0.0, 0.0)
    for wrong in ({"organisation": 1.0}, {"organisation": 0.5, "boom": 0.6, "other": 0.0}):
        with pytest.raises(OptionError, match="probabilities that add up to 1 for organisation, boom, other"):
            _found(theory, [], wrong)


def test_impossible_reports_are_refused_not_normalised():
    items = [_sign("boom", 0.0, 0.0)]
    with pytest.raises(EvidenceError, match="rule out every explanation"):
        _found(_theory(boom=()), items)
    found = _found(_theory(boom=()), [_sign("boom", 0.0, 0.5)])
    assert found["boom"].probability == 1.0
    assert found["organisation"].probability == 0.0


@pytest.mark.parametrize("seed", range(4))
def test_bounds_contain_and_touch_a_brute_force_search(seed):
    rng = np.random.default_rng(seed)
    items, grids = [], []
    for i, rival in enumerate(["boom", "boom", "owner"]):
        benefit, negligible = np.sort(rng.uniform(0.05, 0.95, (2, 2)), axis=1)
        grids.append((benefit, negligible))
        more = {"dependence": "persons", "rho": (0.1, 0.9)} if i != 1 else {}
        items.append(
            _sign(rival, tuple(benefit), tuple(negligible), name=f"x{i}", observed=bool(rng.integers(2)), **more)
        )
    found = _found(_theory(boom=("owner",), owner=()), items)
    seen = {name: [] for name in found}
    corners = [list(itertools.product(*pair)) for pair in grids]
    for choice in itertools.product(*corners):
        for rho in np.linspace(0.1, 0.9, 81):
            weight = [1 / (1 + rho), 1.0, 1 / (1 + rho)]
            for name, value in _by_hand(found, items, choice, weight).items():
                seen[name].append(value)
    for name, one in found.items():
        assert one.lower == pytest.approx(min(seen[name]), abs=1e-12)
        assert max(seen[name]) - 1e-12 <= one.upper <= max(seen[name]) + 2e-4
        assert one.lower <= one.probability <= one.upper


def _by_hand(names, items, choice, weight):
    mass = {}
    for name in names:
        members = name.split(" + ")
        mass[name] = 1.0
        for item, pair, power in zip(items, choice, weight, strict=True):
            p = pair[item.target.removeprefix("rival:") in members]
            mass[name] *= (p if item.observed else 1 - p) ** power
    total = sum(mass.values())
    return {name: value / total for name, value in mass.items()}


def test_reports_on_one_test_share_its_probability():
    shared = {"test": "T1", "otherwise": (0.2, 0.6), "accounts": 0.5}
    two = [_sign("boom", name="x", **shared), _sign("boom", name="y", observed=False, **shared)]
    found = _found(_theory(boom=()), two)
    # At most ½·½ if the rival takes no part, so that the odds of the rival cannot fall below one.
    assert found["boom"].lower == pytest.approx(1 / 3)


def test_bounds_with_many_ranged_groups_are_wider_never_narrower(monkeypatch):
    chances = {"boom": (0.2, 0.6), "owner": (0.5, 0.1)}
    items = [
        _sign(rival, *chance, name=f"{rival}{i}", dependence=f"g{i}", rho=(0.0, 1.0), observed=i != 1)
        for i in range(3)
        for rival, chance in chances.items()
    ]
    exact = _found(_theory(boom=(), owner=()), items)
    monkeypatch.setattr(attribution_bounds, "_MOST_VERTICES", 2)
    wide = _found(_theory(boom=(), owner=()), items)
    for name, one in exact.items():
        assert wide[name].lower <= one.lower
        assert wide[name].upper == one.upper
    assert any(wide[name].lower < one.lower for name, one in exact.items())


def test_signs_of_rivals_never_move_the_effect():
    theory = _theory(boom=())
    with_signs = Triangulation(theory).fit([*interviews(), _sign("boom", 0.01, 0.99)]).verdicts()
    without = Triangulation(theory).fit(interviews()).verdicts()
    assert with_signs.equals(without)


@pytest.mark.parametrize(
    ("chances", "seen", "unseen"),
    [
        ((0.95, 0.60), 0.613, 0.111),
        ((0.30, 0.02), 0.938, 0.417),
        ((0.95, 0.05), 0.950, 0.050),
        ((0.60, 0.40), 0.600, 0.400),
    ],
)
def test_one_rival_against_the_organisation_is_contribution_tracing(chances, seen, unseen):
    """Sensitivity, type I error, and posterior from even odds: prior·s/(prior·s + t·(1 − prior))."""
    even = {"organisation": 0.5, "boom": 0.5, "other": 0.0}
    for observed, expected in ((True, seen), (False, unseen)):
        found = _found(_theory(boom=()), [_sign("boom", chances[1], chances[0], observed=observed)], even)
        assert found["boom"].probability == pytest.approx(expected, abs=5e-4)


def test_expected_posterior_is_the_prior():
    """Over all that could be seen, weighted by how probable it is, nothing is gained for any explanation."""
    theory, chances = _theory(boom=("owner",), owner=()), {"boom": (0.2, 0.7), "owner": (0.4, 0.9)}
    prior = {"organisation": 0.4, "boom": 0.2, "owner": 0.1, "boom + owner": 0.1, "other": 0.2}
    expected = dict.fromkeys(prior, 0.0)
    for seen in itertools.product([False, True], repeat=2):
        items = [_sign(name, *chances[name], observed=one) for name, one in zip(chances, seen, strict=True)]
        mass = 0.0
        for name, share in prior.items():
            for item in items:
                p = chances[item.id][item.id in name.split(" + ")]
                share *= p if item.observed else 1 - p  # noqa: PLW2901
            mass += share
        for name, one in _found(theory, items, prior).items():
            expected[name] += mass * one.probability
    assert expected == pytest.approx(prior)


def test_order_and_labels_do_not_matter():
    items = [_sign("boom", 0.1, 0.7), _sign("owner", 0.3, 0.6, dependence="p"), _sign("boom", name="z", dependence="p")]
    one = _found(_theory(boom=(), owner=()), items)
    other = _found(_theory(owner=(), boom=()), items[::-1])
    assert {k: pytest.approx(v.probability) for k, v in one.items()} == {k: v.probability for k, v in other.items()}


def test_a_sign_that_repeats_the_one_that_suggested_it_changes_nothing():
    theory, first = _theory(a=(), b=(), boom=()), _sign("boom", name="R1")
    late = _sign("boom", name="R2", suggested_by="R1")
    alone = {name: one.probability for name, one in _found(theory, [first]).items()}
    for both in ([first, late], grouped([first, late])):
        found = _found(theory, both)
        assert {name: one.probability for name, one in found.items()} == pytest.approx(alone)
        assert found["boom"].lower == pytest.approx(found["boom"].upper)
        assert rival_support(both) == pytest.approx((2.0, 2.0, 2.0))
    assert alone["boom"] == pytest.approx(1 / 3)


def test_what_harm_would_show_does_not_matter_to_a_rival():
    """A sign that tells harm from the other states, but not the rival from the organisation, is no second item."""
    more = {"dependence": "persons", "rho": 1.0}
    tells, tells_not = (
        _sign("boom", 0.2, 0.8, name="R1", **more),
        _sign("boom", 0.5, 0.5, name="R2", p_harm=0.1, **more),
    )
    assert rival_support([tells, tells_not]) == pytest.approx((4.0, 4.0, 4.0))
    found = _found(_theory(boom=()), [tells, tells_not])
    assert found["boom"].probability / found["organisation"].probability == pytest.approx(4.0)


def test_signs_that_rule_out_the_rival_and_the_organisation_are_refused():
    more = {"dependence": "persons", "rho": 1.0}
    signs = [_sign("boom", 0.0, 0.5, name="R1", **more), _sign("boom", 0.5, 0.0, name="R2", **more)]
    with pytest.raises(EvidenceError, match="rule out"):
        rival_support(signs)
    with pytest.raises(EvidenceError, match="rule out every explanation"):
        _found(_theory(boom=()), signs)

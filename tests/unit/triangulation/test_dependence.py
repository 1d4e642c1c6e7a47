"""What hangs together: declared groups, shared respondents, tests that suggested tests – and what it costs."""

import dataclasses

import numpy as np
import pytest

from clustereffects.errors import EvidenceError
from clustereffects.results import BiasEvidence, EvidenceProvenance, Silence
from clustereffects.triangulation import Thresholds, Triangulation
from clustereffects.triangulation.cells import rival_support
from clustereffects.triangulation.dependence import DependenceGroup, grouped
from clustereffects.triangulation.multiverse import multiverse
from clustereffects.triangulation.posterior import stream_alone
from clustereffects.triangulation.sensitivity import cell_bounds, leave_one_out, scenarios
from clustereffects.triangulation.tipping import tipping_points
from triangulation_cases import KEY, did, model, sign, survey, theory


def _groups(evidence, *declared):
    return [(item.dependence, item.rho) for item in grouped(evidence, declared)]


def _probability(evidence):
    return scenarios(model(evidence)).probability[0]


def _group(*members, name="g", **more):
    return DependenceGroup(id=name, members=members, **({"reason": "same_dataset"} | more))


def test_items_that_share_nothing_are_unchanged():
    evidence = [
        did(respondents=("P-1",)),
        survey(respondents=("P-2", "P-3")),
        sign("a", dependence="persons", rho=0.3, respondents=("P-4",)),
        sign("b", dependence="persons", rho=0.3, respondents=("P-4", "P-5")),
        BiasEvidence(id="bias", stream="interviews", target_stream="economic", **KEY),
        Silence(stream="documents", reason="missing", **KEY),
    ]
    assert grouped(evidence) == tuple(evidence)


def test_a_shared_respondent_joins_streams_and_kinds():
    evidence = [survey(respondents=("P-1", "P-2")), sign("a", respondents=("P-2",)), sign("b", respondents=("P-3",))]
    assert _groups(evidence) == [("respondents 1", (0.0, 1.0))] * 2 + [("", 0.0)]


def test_groups_are_joined_in_steps_and_keep_the_hull_of_what_was_declared():
    evidence = [
        sign("a", dependence="contacts", rho=0.3, respondents=("P-1",)),
        sign("b", dependence="contacts", rho=0.3, respondents=("P-2",)),
        sign("c", dependence="projects", rho=(0.4, 0.5), respondents=("P-2",)),
        survey(respondents=("P-9",), dependence="scale"),
    ]
    assert _groups(evidence) == [("contacts + projects", (0.3, 0.5))] * 3 + [("scale", 1.0)]
    joined = _groups(evidence, _group("scale", "c", rho=0.2, reason="same_coder"))
    assert joined == [("contacts + g + projects + scale", (0.2, 1.0))] * 4


def test_one_number_stays_one_number():
    evidence = [sign("a", dependence="x", rho=0.3), sign("b", respondents=("P-1",)), sign("c", respondents=("P-1",))]
    assert _groups(evidence, _group("a", "b")) == [("g + x", 0.3)] * 3
    assert _groups(evidence[1:], _group("b", "c", rho=0.7)) == [("g", 0.7)] * 2


def _from(source, name, **more):
    return did(id=name, provenance=EvidenceProvenance(source_hash=source), **more)


def test_estimates_of_one_source_are_not_independent():
    twice = [_from("ab", "did"), _from("ab", "group-time"), _from("cd", "other"), did(id="unknown")]
    assert _groups(twice) == [("same source 1", (0.0, 1.0))] * 2 + [("", 1.0)] * 2
    assert _groups([_from("", "did"), _from("", "group-time")]) == [("", 1.0)] * 2
    alone, apart = (
        Triangulation(theory()).fit([_from("ab", "a")]),
        Triangulation(theory()).fit([_from("ab", "a"), _from("ab", "b")]),
    )
    assert apart.bounds()["lower"].iloc[2] == pytest.approx(alone.bounds()["lower"].iloc[2], abs=1e-6)


def test_a_source_joins_neither_streams_nor_cells_nor_what_is_declared():
    reading = EvidenceProvenance(source_hash="ab")
    evidence = [_from("ab", "did"), survey(provenance=reading), sign("a", provenance=reading)]
    evidence += [_from("ab", "did", group="K02"), _from("ab", "said", dependence="register", rho=0.3)]
    assert _groups(evidence) == [("", 1.0), ("", 1.0), ("", 0.0), ("", 1.0), ("register", 0.3)]
    pair = [_from("ab", "did"), _from("ab", "group-time"), _from("ab", "third")]
    assert _groups(pair, _group("did", "third", rho=0.2)) == [("g", 0.2), ("", 1.0), ("g", 0.2)]


def test_a_respondent_matters_within_a_claim_and_an_organisation_only():
    shared = {"respondents": ("P-1",)}
    evidence = [
        sign("a", **shared),
        sign("b", **(shared | {"group": "K02"})),
        sign("c", **(shared | {"claim": "jobs"})),
    ]
    assert grouped(evidence) == tuple(evidence)


def test_the_effect_and_each_rival_are_apart():
    shared = {"respondents": ("P-1",)}
    evidence = [sign("a", **shared), *(sign(n, target="rival:boom", **shared) for n in "bc")]
    assert _groups(evidence) == [("", 0.0)] + [("respondents 1", (0.0, 1.0))] * 2
    ratio, low, high = rival_support(grouped(evidence)[1:])
    assert low < ratio < high


def test_a_declared_group_may_name_one_claim_or_organisation():
    evidence = [sign("a"), sign("b"), sign("a", group="K02"), sign("b", group="K02")]
    names = [name for name, _ in _groups(evidence, _group("a", "b", group="K02"))]
    assert names == ["", "", "g", "g"]


def test_unknown_members_are_listed_at_once():
    evidence = [did(), sign("a"), BiasEvidence(id="bias", stream="interviews", target_stream="economic", **KEY)]
    with pytest.raises(EvidenceError) as caught:
        grouped(evidence, [_group("did", "x", "bias"), _group("a", "did", name="h", claim="jobs"), _group("a")])
    text = str(caught.value)
    for part in ("unknown members: x, bias", "unknown members: a, did", "'h'", "declared twice"):
        assert part in text


def test_impossible_groups():
    with pytest.raises(EvidenceError) as caught:
        DependenceGroup(id=" ", members=(), reason="same_town", rho=(0.5, 0.2))
    for part in ("has no name", "no members", "the reason 'same_town'", "ρ is (0.5, 0.2)"):
        assert part in str(caught.value)


@pytest.mark.parametrize("changes", [{"members": "ab"}, {"members": (1, 2)}, {"rho": "x"}, {"rho": (0.1,)}, {"id": 5}])
def test_groups_of_the_wrong_type_are_refused(changes):
    with pytest.raises(EvidenceError, match="correct the group"):
        DependenceGroup(**({"id": "g", "members": ("a", "b"), "reason": "same_coder"} | changes))


def test_a_group_may_be_declared_in_lists():
    group = DependenceGroup(id="g", members=["a", "b"], reason="same_coder", rho=[0.1, 0.4])
    assert (group.members, group.rho) == (("a", "b"), (0.1, 0.4))


def test_a_group_with_two_correlations_across_kinds_is_refused_until_it_is_declared():
    evidence = [survey(dependence="persons"), sign("a", dependence="persons", rho=0.5)]
    with pytest.raises(EvidenceError, match=r"dependence group 'persons' has several ρ[\s\S]*DependenceGroup"):
        Triangulation(theory()).fit(evidence)
    group = _group("scale", "a", name="persons", reason="same_respondent")
    assert _groups(evidence, group) == [("persons", (0.5, 1.0))] * 2


@pytest.mark.parametrize("times", [2, 5])
def test_duplicates_of_a_mixed_group_change_nothing(times):
    """One item of each kind with ρ = 1 says the same as several copies of both."""
    more = {"dependence": "persons", "rho": 1.0}
    once = [survey(**more), sign("a", **more)]
    often = [dataclasses.replace(item, id=f"{item.id}{i}") for item in once for i in range(times)]
    np.testing.assert_allclose(_probability(often), _probability(once), rtol=1e-9)


def test_the_same_information_as_estimate_and_as_diagnostic_is_not_two():
    """A sign that is as probable under each state as the estimate makes it, and nothing else, adds next to nothing."""
    estimate = did(dependence="persons", rho=1.0)
    alone, before = _probability([estimate]), _probability([])
    chance = alone / before / (alone / before).max() * 0.99
    said = sign("said", tuple(float(p) for p in chance[::-1]), dependence="persons", rho=1.0)
    together = _probability([estimate, said])
    apart = _probability([did(), dataclasses.replace(said, dependence="", rho=0.0)])
    assert together[2] == pytest.approx(alone[2], abs=0.01)
    assert apart[2] > alone[2] + 0.05


def test_independence_within_a_mixed_group_is_independence():
    more = {"dependence": "persons", "rho": 0.0}
    np.testing.assert_allclose(
        _probability([survey(**more), sign("a", **more)]), _probability([survey(), sign("a")]), rtol=1e-9
    )


def test_more_dependence_across_kinds_means_less_information():
    def benefit(rho):
        more = {"dependence": "persons", "rho": rho}
        return _probability([survey(**more), sign("a", (0.9, 0.3, 0.1), **more)])[2]

    values = [benefit(rho) for rho in (0.0, 0.3, 0.6, 1.0)]
    assert values == sorted(values, reverse=True)


def test_nobody_knows_the_correlation_so_the_posterior_has_bounds():
    evidence = grouped([survey(respondents=("P-1",)), sign("a", (0.9, 0.3, 0.1), respondents=("P-1",))])
    built = model(evidence)
    low, high = cell_bounds(built, scenarios(built))[2]
    for rho in (0.0, 0.25, 0.5, 1.0):
        value = _probability([dataclasses.replace(item, rho=rho) for item in evidence])[2]
        assert low - 1e-9 <= value <= high + 1e-9


def test_without_the_other_stream_its_items_no_longer_count_in_the_group():
    more = {"dependence": "persons", "rho": 0.8}
    built = model([survey(**more), sign("a", **more)])
    left = scenarios(built, power=np.array([[1.0, 0.0], [0.0, 1.0]])).probability
    np.testing.assert_allclose(left[0], _probability([survey()]), rtol=1e-9)
    np.testing.assert_allclose(left[1], _probability([sign("a")]), rtol=1e-9)


def test_a_test_that_repeats_the_one_that_suggested_it_changes_nothing():
    more = {"dependence": "contacts", "rho": 0.3}
    first = [sign(f"T01:{i}", observed=i != 1, **more) for i in range(4)]
    late = [dataclasses.replace(one, id=one.id.replace("T01", "T09"), suggested_by=one.id) for one in first]
    np.testing.assert_allclose(_probability([*first, *late]), _probability(first), rtol=1e-9)
    tests = [dataclasses.replace(one, test=one.id[:3]) for one in [*first, *late]]
    np.testing.assert_allclose(_probability(tests), _probability(first), rtol=1e-9)


def test_a_suggested_test_that_cannot_tell_states_apart_changes_nothing():
    more = {"dependence": "contacts", "rho": 0.3}
    first = [sign(f"T01:{i}", **more) for i in range(3)]
    late = sign("T09:0", (0.4, 0.4, 0.4), suggested_by="T01:0", **more)
    np.testing.assert_allclose(_probability([*first, late]), _probability(first), rtol=1e-9)


def test_what_suggested_a_test_joins_its_group_and_must_exist():
    evidence = [sign("a", dependence="contacts", rho=0.3), sign("b", suggested_by="a")]
    assert _groups(evidence) == [("contacts", 0.3)] * 2
    with pytest.raises(EvidenceError, match="diagnostic 'b' was suggested by 'z'"):
        model([sign("a"), sign("b", suggested_by="z")])


def test_without_the_test_beside_it_a_test_counts_in_full():
    more = {"dependence": "contacts", "rho": 0.3}
    first = [sign(f"T01:{i}", (0.8, 0.4, 0.3), test="T01", **more) for i in range(3)]
    late = [
        sign(f"T09:{i}", (0.7, 0.4, 0.3), test="T09", stream="documents", suggested_by=f"T01:{i}", **more)
        for i in range(3)
    ]
    alone = {"T09": first, "T01": [dataclasses.replace(one, suggested_by="") for one in late]}
    alone |= {"documents": alone["T09"], "interviews": alone["T01"]}
    left = {one.name: one.probability for one in leave_one_out(model([*first, *late]), Thresholds())}
    for name, rest in alone.items():
        np.testing.assert_allclose(left[name], _probability(rest), rtol=1e-9)


def test_a_suggested_test_also_changes_nothing_in_what_a_verdict_was_tested_against():
    chances = (0.97, 0.1, 0.1)
    alone, both = model([sign("T1", chances)]), model([sign("T1", chances), sign("T2", chances, suggested_by="T1")])
    found = multiverse(both, Thresholds())
    np.testing.assert_allclose(found.probability, multiverse(alone, Thresholds()).probability, rtol=1e-9)
    assert found.same == 1
    expected, tips = ([tip.tips_at for tip in tipping_points(one, Thresholds())] for one in (alone, both))
    assert tips == pytest.approx(expected, rel=1e-6, nan_ok=True)
    assert tips[-2] == pytest.approx(0.794, abs=1e-3)


def _suggested_elsewhere():
    chances = (0.9, 0.3, 0.3)
    first = sign("T1", chances)
    return first, [
        first,
        sign("T2", chances, stream="survey", suggested_by="T1"),
        sign("T3", chances, stream="documents", suggested_by="T1"),
    ]


def test_a_stream_alone_has_whole_observations():
    first, items = _suggested_elsewhere()
    built, alone = model(items), stream_alone(model([first]), 0)
    for i in range(3):
        probability, gain = stream_alone(built, i)
        np.testing.assert_allclose(probability, alone[0], rtol=1e-9)
        assert gain == pytest.approx(alone[1])
    assert alone[1] == pytest.approx(0.135, abs=1e-3)


def test_a_stream_without_power_takes_no_share_of_an_observation():
    first, items = _suggested_elsewhere()
    built = model(items)
    left = {one.name: one.probability for one in leave_one_out(built, Thresholds()) if one.kind == "stream"}
    weights = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
    expected = _probability([first])
    np.testing.assert_allclose(scenarios(built, power=weights).probability, [expected] * 3, rtol=1e-9)
    for i, name in enumerate(built.streams):
        without = scenarios(built, power=1 - np.eye(3)[[i]]).probability[0]
        np.testing.assert_allclose(without, left[name], rtol=1e-9)
    more = {"dependence": "contacts", "rho": 0.3}
    three = [sign(f"T01:{i}", test="T01", **more) for i in range(3)]
    late = [sign(f"T09:{i}", stream="documents", suggested_by=f"T01:{i}", **more) for i in range(3)]
    halved = scenarios(model([*three, *late]), power=np.array([[1.0, 0.0]])).probability[0]
    np.testing.assert_allclose(halved, _probability(three), rtol=1e-9)


def test_an_estimate_alone_is_not_widened_by_what_other_streams_said():
    more = {"dependence": "persons", "rho": 1.0}
    built = model([survey(**more), *(sign(f"T{i}", **more) for i in range(4))])
    probability, gain = stream_alone(built, 0)
    expected = stream_alone(model([survey()]), 0)
    np.testing.assert_allclose(probability, expected[0], rtol=1e-9)
    assert gain == pytest.approx(expected[1])

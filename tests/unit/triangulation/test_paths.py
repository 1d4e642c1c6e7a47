"""Paths of the theory: how they are found, and what may be said about them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustereffects.errors import NotStoredError, TheoryError
from clustereffects.results import Estimate
from clustereffects.triangulation import Theory, Triangulation
from clustereffects.triangulation.paths import all_hold, any_holds, link_chances, path_findings, simple_paths


def _theory():
    claim = {"outcome": "y", "scale": "log", "horizon": 3, "delta": 0.01, "rivals": ["boom"]}
    nodes = {"a": "activity", "b": "intermediate", "c": "outcome", "d": "outcome"}
    return Theory.from_dict(
        {
            "nodes": {name: {"kind": kind} for name, kind in nodes.items()},
            "links": {
                "ab": {"from": "a", "to": "b"},
                "bc": {"from": "b", "to": "c"},
                "cd": {"from": "c", "to": "d"},
                "ba": {"from": "b", "to": "a"},
            },
            "claims": {
                "first": claim | {"link": "ab"},
                "second": claim | {"link": "ab"},
                "third": claim | {"link": "bc"},
            },
            "rivals": {"boom": {}},
        }
    )


def _findings(**values):
    items = [
        Estimate(id=name, claim=name, group="K01", stream="economic", value=value, std_error=0.01)
        for name, value in values.items()
    ]
    return Triangulation(_theory()).fit(items)


def _benefit(findings, claim):
    return findings.cell(claim, "K01").bounds[2]


def test_arrows_may_be_double_and_run_in_circles():
    arrows = [("a", "b"), ("a", "b"), ("b", "c"), ("c", "a"), ("c", "c")]
    assert simple_paths(arrows, ["a"], ["c"]) == ((0, 2), (1, 2))
    assert simple_paths(arrows, ["c"], ["c"]) == ()
    assert simple_paths([], ["a"], ["c"]) == ()


def test_paths_go_on_beyond_an_outcome():
    paths = path_findings(_theory(), _findings(first=0.05).cells, "K01")
    assert [(path.start, path.end, path.links) for path in paths] == [
        ("a", "c", ("ab", "bc")),
        ("a", "d", ("ab", "bc", "cd")),
    ]


def test_far_too_many_paths_are_an_error():
    names = [f"n{i}" for i in range(9)]
    arrows = [(one, other) for one in names for other in names if one != other]
    with pytest.raises(TheoryError, match="more than 10000 paths"):
        simple_paths(arrows, names[:1], names[1:])


def test_a_link_holds_if_any_of_its_claims_is_true():
    findings = _findings(first=0.03, second=-0.02, third=0.02)
    chances = {one.link: one for one in link_chances(findings.theory, findings.cells, "K01")}
    first, second = _benefit(findings, "first"), _benefit(findings, "second")
    assert chances["ab"].lower == max(first[0], second[0])
    assert chances["ab"].upper == pytest.approx(min(1, first[1] + second[1]))
    assert chances["ab"].note == ""
    assert (chances["cd"].lower, chances["cd"].upper, chances["cd"].note) == (0.0, 1.0, "no claim")


def test_bounds_and_weakest_link_of_a_path():
    findings = _findings(first=0.03, second=-0.5, third=0.02)
    path = path_findings(findings.theory, findings.cells, "K01")[0]
    ab, bc = (one for one in link_chances(findings.theory, findings.cells, "K01") if one.link in {"ab", "bc"})
    assert path.lower == pytest.approx(ab.lower + bc.lower - 1)
    assert path.upper == min(ab.upper, bc.upper)
    assert (path.weakest, path.weakest_lower) == ("bc", bc.lower)
    assert (path.rule, path.note) == ("any dependence", "")


def test_products_need_a_reason_that_is_shown():
    findings = _findings(first=0.03, second=-0.5, third=0.02)
    any_dependence = path_findings(findings.theory, findings.cells, "K01")[0]
    path = path_findings(findings.theory, findings.cells, "K01", independence="other firms")[0]
    ab, bc = (one for one in link_chances(findings.theory, findings.cells, "K01") if one.link in {"ab", "bc"})
    assert path.lower == pytest.approx(ab.lower * bc.lower)
    assert path.rule == "independent, as declared: other firms"
    assert any_dependence.lower < path.lower <= path.upper <= any_dependence.upper


def test_a_blank_reason_is_none():
    findings = _findings(first=0.03, second=-0.5, third=0.02)
    path = path_findings(findings.theory, findings.cells, "K01", independence=" ")[0]
    assert path == path_findings(findings.theory, findings.cells, "K01")[0]


def test_what_is_not_known_is_said():
    findings = _findings(third=0.02)
    path = path_findings(findings.theory, findings.cells, "K01")[1]
    assert (path.lower, path.weakest) == (0.0, "ab")
    assert path.note == "ab: no evidence on first, second; cd: no claim"


def test_null_findings_bound_a_path_from_above():
    findings = _findings(first=0.0, second=0.0, third=0.3)
    path = path_findings(findings.theory, findings.cells, "K01")[0]
    assert path.upper == pytest.approx(_benefit(findings, "first")[1] + _benefit(findings, "second")[1])
    assert path.lower < path.upper < 0.5


def test_unknown_group():
    with pytest.raises(NotStoredError, match=r"no findings for group 'K02'.*K01"):
        path_findings(_theory(), _findings(first=0.1).cells, "K02")


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.integers(1, 4), st.randoms(use_true_random=False))
def test_no_joint_distribution_leaves_the_bounds(size, random):
    """Any probabilities of the 2ⁿ combinations of truth and falsehood lie within the bounds from their margins."""
    weight = np.array([random.random() ** 4 + 1e-9 for _ in range(2**size)])
    weight /= weight.sum()
    truth = (np.arange(2**size)[:, None] >> np.arange(size)) & 1
    margins = weight @ truth
    bounds = np.stack([margins, margins], axis=1)
    every, some = weight[truth.all(axis=1)].sum(), weight[truth.any(axis=1)].sum()
    assert all_hold(bounds)[0] - 1e-12 <= every <= all_hold(bounds)[1] + 1e-12
    assert any_holds(bounds)[0] - 1e-12 <= some <= any_holds(bounds)[1] + 1e-12


def test_the_bounds_are_attained():
    margins = np.array([[0.7, 0.7], [0.6, 0.6]])
    # All four combinations: as much overlap as possible, and as little.
    assert all_hold(margins).tolist() == pytest.approx([0.3, 0.6])
    assert any_holds(margins).tolist() == pytest.approx([0.7, 1.0])

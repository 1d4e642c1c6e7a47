"""Places of boxes: every node once, arrows from left to right, circles and loners allowed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustereffects.reporting.figures._layers import forward, layers, places
from clustereffects.triangulation import Theory

NODES = list("abcdef")
ARROWS = st.lists(st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)), max_size=14)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(ARROWS)
def test_every_node_has_a_place_and_arrows_run_forward(arrows):
    found = layers(NODES, arrows)
    assert sorted(node for layer in found for node in layer) == NODES
    where = places(found)
    assert len(set(where.values())) == len(NODES)
    assert all(0 < x < 1 and 0 < y < 1 for x, y in where.values())
    for start, end in forward(NODES, arrows):
        assert where[start][0] < where[end][0]


def test_only_arrows_that_close_a_circle_are_left_out():
    assert forward("abc", [("a", "b"), ("b", "c"), ("c", "a"), ("a", "a")]) == [("a", "b"), ("b", "c")]
    assert layers("abc", [("a", "b"), ("b", "c"), ("c", "a")]) == [["a"], ["b"], ["c"]]


def test_layers_are_ordered_so_that_arrows_do_not_cross():
    arrows = [("x", "q"), ("y", "p")]
    found = layers(["x", "y", "p", "q"], arrows)
    place = {node: k for layer in found for k, node in enumerate(layer)}
    assert (place["x"] < place["y"]) == (place["q"] < place["p"])


def test_the_preset_has_four_layers():
    theory = Theory.preset("seven_innovation_gaps")
    found = layers([node.id for node in theory.nodes], [(link.start, link.end) for link in theory.links])
    assert [len(layer) for layer in found] == [1, 7, 4, 1]


def test_nothing_and_one():
    assert layers([], []) == []
    assert places(layers(["a"], [])) == {"a": pytest.approx((0.5, 0.5))}

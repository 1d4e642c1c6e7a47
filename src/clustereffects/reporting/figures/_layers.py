"""Places of boxes on layers from left to right: arrays and names only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

_SWEEPS = 8


def forward(nodes: Sequence[str], arrows: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Arrows without those that close a circle, found by walking from the first node on."""
    following: dict[str, list[str]] = {node: [] for node in nodes}
    for start, end in arrows:
        following[start].append(end)
    kept: list[tuple[str, str]] = []
    state: dict[str, int] = {}

    def visit(node: str) -> None:
        state[node] = 1
        for end in following[node]:
            if state.get(end) != 1:
                kept.append((node, end))
            if end not in state:
                visit(end)
        state[node] = 2

    for node in nodes:
        if node not in state:
            visit(node)
    return kept


def layers(nodes: Sequence[str], arrows: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Nodes by the longest way to them, each layer ordered so that arrows cross little."""
    kept = forward(nodes, arrows)
    depth = dict.fromkeys(nodes, 0)
    for _ in nodes:
        for start, end in kept:
            depth[end] = max(depth[end], depth[start] + 1)
    found = [[node for node in nodes if depth[node] == level] for level in range(max(depth.values(), default=-1) + 1)]
    for sweep in range(_SWEEPS):
        _sort(found, kept, ahead=sweep % 2 == 0)
    return found


def _sort(found: list[list[str]], arrows: Sequence[tuple[str, str]], *, ahead: bool) -> None:
    """Order each layer by the mean place of the neighbours on the layers before it (or after it)."""
    for i in range(len(found)) if ahead else reversed(range(len(found))):
        place = {node: (k + 0.5) / len(layer) for layer in found for k, node in enumerate(layer)}
        near = {node: _neighbours(node, arrows, ahead=ahead) for node in found[i]}
        mean = {
            node: float(np.mean([place[other] for other in others])) if others else place[node]
            for node, others in near.items()
        }
        found[i].sort(key=mean.__getitem__)


def _neighbours(node: str, arrows: Sequence[tuple[str, str]], *, ahead: bool) -> list[str]:
    if ahead:
        return [start for start, end in arrows if end == node]
    return [end for start, end in arrows if start == node]


def places(found: Sequence[Sequence[str]]) -> Mapping[str, tuple[float, float]]:
    """Centre of each node in a unit square: layers from left to right, the first node of a layer on top."""
    return {
        node: ((i + 0.5) / len(found), 1 - (k + 0.5) / len(layer))
        for i, layer in enumerate(found)
        for k, node in enumerate(layer)
    }

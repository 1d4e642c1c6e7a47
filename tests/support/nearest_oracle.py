"""Nearest matching word by word: every treated unit looks at every candidate anew whenever it chooses."""

import numpy as np


def same_stratum(task, i, j):
    rung = task.rung[i]
    return task.treated.strata[i, rung] == task.control.strata[j, rung] >= 0


def breaks_a_rule(task, i, j):
    one, other = task.treated, task.control
    barred = any(a == b and a >= 0 for a, b in zip(one.forbid[i], other.forbid[j], strict=True))
    gaps = np.abs(one.bound[i] - other.bound[j])
    return barred or (gaps > task.widths).any() or distance(task, i, j) > task.caliper


def distance(task, i, j):
    return np.sqrt(((task.treated.z[i] - task.control.z[j]) ** 2).sum())


def line_of(task, i):
    """Everybody in the stratum in the order of line and unit, and the treated unit's place."""
    rung = task.rung[i]
    code = task.treated.strata[i, rung]
    members = [
        (round(float(side.line[row]), 10), int(side.unit[row]), treated, row)
        for treated, side in ((True, task.treated), (False, task.control))
        for row in range(len(side.unit))
        if side.strata[row, rung] == code and (not treated or task.rung[row] == rung)
    ]
    members.sort()
    return members, next(place for place, member in enumerate(members) if member[2] and member[3] == i)


def outwards(members, place):
    """Steps of a walk from a place: left, right, left, ... until both ends."""
    for step in range(1, len(members)):
        for at in (place - step, place + step):
            if 0 <= at < len(members) and not members[at][2]:
                yield at - place, members[at][3]


def nearest(task, i, is_free):
    """Row of the candidate that a treated unit chooses, or None."""
    if task.treated.strata[i, task.rung[i]] < 0:
        return None
    open_to = [(gap, j) for gap, j in outwards(*line_of(task, i)) if is_free(j) and not breaks_a_rule(task, i, j)]
    if not open_to:
        return None
    rounded = {j: round(float(distance(task, i, j)), 10) for _, j in open_to}
    least = min(rounded.values())
    tied = [(gap, j) for gap, j in open_to if rounded[j] == least]
    if not task.score:
        return tied[-1][1]
    left = [j for gap, j in tied if gap < 0]
    return left[0] if left else tied[0][1]


class Literal:
    """Who has been taken, how often and by whom."""

    def __init__(self, tasks, reuse):
        self.tasks, self.reuse = tasks, np.inf if reuse is None else reuse
        self.used, self.pairs = {}, []

    def choice(self, t, i):
        task = self.tasks[t]
        mine = {j for a, b, j in self.pairs if (a, b) == (t, i)}
        return nearest(task, i, lambda j: j not in mine and self.used.get(int(task.control.unit[j]), 0) < self.reuse)

    def gap(self, t, i, j):
        return round(float(distance(self.tasks[t], i, j)), 10)

    def take(self, t, i, j):
        unit = int(self.tasks[t].control.unit[j])
        self.used[unit] = self.used.get(unit, 0) + 1
        self.pairs.append((t, i, j))


def match(tasks, reuse, order="turn"):
    """Set of (task, treated row, control row)."""
    state = Literal(tasks, reuse)
    active = [(t, int(i)) for t, task in enumerate(tasks) for i in task.turn]
    for number in range(1, 1 + max((int(task.wanted.max()) for task in tasks if len(task.wanted)), default=0)):
        active = [(t, i) for t, i in active if tasks[t].wanted[i] >= number]
        active = _in_turn(state, active) if order == "turn" else _by_distance(state, active, order == "closest")
    return set(state.pairs)


def _in_turn(state, active):
    served = []
    for t, i in active:
        j = state.choice(t, i)
        if j is not None:
            state.take(t, i, j)
            served.append((t, i))
    return served


def _by_distance(state, active, closest):
    waiting = [[state.gap(t, i, j), t, i, j] for t, i in active if (j := state.choice(t, i)) is not None]
    waiting.sort(key=lambda entry: entry[0], reverse=not closest)
    served = set()
    while waiting:
        _, t, i, wanted = waiting.pop(0)
        j = state.choice(t, i)
        if j is None:
            continue
        if j == wanted:
            state.take(t, i, j)
            served.add((t, i))
            continue
        gap = state.gap(t, i, j)
        before = [entry[0] < gap if closest else entry[0] >= gap for entry in waiting]
        waiting.insert(before.index(False) if False in before else len(waiting), [gap, t, i, j])
    return [pair for pair in active if pair in served]

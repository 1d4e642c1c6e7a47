"""Effects made by hand from cells, so that tests of results need no estimator."""

import numpy as np
import pandas as pd

from clustereffects.data import SampleAccount
from clustereffects.inference import Influence, Membership
from clustereffects.results import Description, Effects, Sampling

CELLS = ((2004, 2003), (2004, 2004), (2004, 2005), (2006, 2004), (2006, 2006), (2006, 2007))


def membership(cohorts, cells=CELLS, weight=None, groups=None):
    """Weight of each unit in the cells of its cohort, and of its group where cells have one."""
    columns = []
    for cell in cells:
        own = cohorts == cell[0]
        if len(cell) == 3:
            own = own & (groups == cell[2])
        columns.append(own * (1.0 if weight is None else weight))
    return Membership.of(np.column_stack(columns).astype(float))


def labels(cells=CELLS):
    names = ["cohort", "time", "group"][: len(cells[0])]
    frame = pd.DataFrame(list(cells), columns=names)
    frame.insert(2, "event_time", frame["time"] - frame["cohort"])
    return frame.set_axis([f"ATT({', '.join(map(str, cell))})" for cell in cells], axis=0)


def make(values=None, *, n=60, seed=1, cells=CELLS, assignment=(), clusters=None, groups=None, **parts):
    """Effects of ``n`` units, a third in each cohort and a third never treated, with a random influence function."""
    rng = np.random.default_rng(seed)
    cohorts = np.array([2004, 2006, 0])[np.arange(n) % 3]
    member = membership(cohorts, cells, groups=groups)
    psi = rng.normal(size=(n, len(cells))) * (1 + 2 * member.to_matrix())
    psi -= psi.mean(axis=0)
    estimate = rng.normal(size=len(cells)) if values is None else np.array(values, dtype=float)
    sampling = Sampling(
        units=pd.Index(np.arange(n)), clusters=clusters or {}, membership=member, assignment=tuple(assignment)
    )
    whole = {
        "labels": labels(cells),
        "estimate": estimate,
        "description": Description(estimand="ATT", method="by hand", outcome="y"),
        "sample": SampleAccount(rows_in=n, rows_used=n, counts={"units": n}),
        "influence_function": Influence(psi),
        "sampling": sampling,
    }
    return Effects(**(whole | parts))

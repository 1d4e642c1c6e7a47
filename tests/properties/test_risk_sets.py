"""Risk sets, ledgers and exposure against literal oracles, and what must never matter."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

import clustereffects as ce
from clustereffects.matching._history import Wanted, panel_history
from clustereffects.matching._ledger import Trace, cohort_ledger, unit_ledger
from clustereffects.matching.ladder import Limits, choose_rungs
from clustereffects.matching.risk_set import risk_sets
from clustereffects.matching.rules import Rule, exposed

YEARS = np.arange(2000, 2008)
PLACES = [f"k{place}" for place in range(40)]
NEAR = {PLACES[k]: [PLACES[k + 1], PLACES[(3 * k) % 12]] for k in range(0, 12, 3)}
SHARES = Rule(kind="shares", column="parent", name="parent")
RULES = (
    Rule(kind="flagged", column="support", window=(-2, 1), name="support"),
    SHARES,
    Rule(kind="neighbours", column="county", neighbours=NEAR, when="before", name="near"),
)
EVER = (Rule(kind="flagged", column="support"), SHARES, Rule(kind="neighbours", column="county", neighbours=NEAR))
WANTED = Wanted(
    on=("y",),
    growth=("z",),
    lags={"y": (1, 3), "z": (1, 2)},
    exact=("size",),
    ladder=(("industry", (3, 1)),),
    forbid=("parent",),
    exclude="barred",
    bounds={"sales": True},
    rules=RULES,
    active=2,
)


def world(seed, n=50):
    """An unbalanced panel in which everything changes and much is missing."""
    rng = np.random.default_rng(seed)
    rows = n * len(YEARS)
    cohort = np.where(rng.random(n) < 0.25, rng.choice([2003, 2004, 2006], n).astype(float), np.nan)
    cohort[:2] = 2003, np.nan

    def some(values, share):
        return np.where(rng.random(rows) < share, None, rng.choice(values, rows))

    def mostly(values):
        """A value of each firm that sometimes changes and sometimes is missing."""
        steady = np.repeat(np.where(rng.random(n) < 0.3, None, rng.choice(values, n)), len(YEARS))
        return np.where(rng.random(rows) < 0.03, rng.choice(values, rows), steady)

    frame = pd.DataFrame(
        {
            "firm": np.repeat([f"f{name:03d}" for name in rng.permutation(n)], len(YEARS)),
            "year": np.tile(YEARS, n),
            "cohort": np.repeat(cohort, len(YEARS)),
            "y": np.where(rng.random(rows) < 0.05, np.nan, rng.normal(size=rows)),
            "z": np.where(rng.random(rows) < 0.05, np.nan, rng.normal(size=rows)),
            "sales": np.where(rng.random(rows) < 0.05, 0.0, rng.lognormal(size=rows)),
            "size": some(["s", "m"], 0.02),
            "industry": some(["111", "112", "211", "2"], 0.02),
            "parent": mostly([f"p{k}" for k in range(2 * n)]),
            "county": mostly(PLACES),
            "support": rng.random(rows) < 0.02,
            "barred": np.repeat(rng.random(n) < 0.1, len(YEARS)),
        }
    )
    return frame.sample(frac=0.95, random_state=seed)


def panel_of(frame):
    return ce.Panel(frame, unit="firm", time="year", cohort="cohort")


def sets_of(panel, wanted=WANTED, *, horizon=1, candidates="not_yet_treated"):
    history, labels = panel_history(panel, wanted)
    return list(risk_sets(history, horizon=horizon, active=wanted.active, candidates=candidates)), labels


class Oracle:
    """What is known of every firm and year, one cell at a time."""

    def __init__(self, frame):
        self.rows = {(row.firm, row.year): row for row in frame.itertuples()}
        self.firms = sorted(frame["firm"].unique())
        self.cohort = frame.groupby("firm")["cohort"].first().to_dict()

    def value(self, firm, year, column):
        row = self.rows.get((firm, year))
        value = None if row is None else getattr(row, column)
        return None if value is None or value != value else value  # noqa: PLR0124  (NaN is not itself)

    def ever(self, firm, column):
        return {self.value(firm, year, column) for year in YEARS} - {None}

    def others(self, firm):
        return [other for other in self.firms if self.cohort[other] > 0 and other != firm]

    def active(self, firm, joined):
        seen = [any(self.value(firm, joined - lag, c) is not None for c in ("y", "z")) for lag in (1, 2)]
        return all(seen)

    def hits(self, firm, joined):
        """Which steps concern a firm as a candidate."""
        county = self.value(firm, joined - 1, "county")
        near = {county, *NEAR.get(county, []), *(one for one, others in NEAR.items() if county in others)} - {None}
        theirs = {self.value(other, joined - 1, "county") for other in self.others(firm)}
        groups = set().union(*(self.ever(other, "parent") for other in self.others(firm)))
        return [
            not self.active(firm, joined),
            any(self.ever(firm, "barred")),
            any(self.value(firm, year, "support") for year in range(joined - 2, joined + 2)),
            bool(self.ever(firm, "parent") & groups),
            county is not None and bool(near & theirs),
        ]

    def x(self, firm, joined):
        z1, z2 = (self.value(firm, joined - lag, "z") for lag in (1, 2))
        growth = None if z1 is None or z2 is None else z1 - z2
        return [self.value(firm, joined - 1, "y"), self.value(firm, joined - 3, "y"), growth]

    def strata(self, firm, joined):
        size, industry = (self.value(firm, joined - 1, c) for c in ("size", "industry"))
        codes = [None if industry is None or len(industry) < digits else industry[:digits] for digits in (3, 1)]
        return [None if code is None or size is None else (size, code) for code in codes]

    def complete(self, firm, joined):
        sales = self.value(firm, joined - 1, "sales")
        known = sales is not None and sales > 0 and None not in self.x(firm, joined)
        return known and self.strata(firm, joined) != [None, None]


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), horizon=st.integers(0, 4), never=st.booleans())
def test_risk_sets_are_those_of_the_oracle(seed, horizon, never):
    frame = world(seed)
    panel, oracle = panel_of(frame), Oracle(frame)
    found, _ = sets_of(panel, horizon=horizon, candidates="never_treated" if never else "not_yet_treated")
    assert [one.cohort for one in found] == sorted({c for c in oracle.cohort.values() if c > 0})
    for one in found:
        joined = int(one.cohort)
        treated = [f for f in oracle.firms if oracle.cohort[f] == joined]
        able = [f for f in treated if oracle.complete(f, joined) and oracle.active(f, joined)]
        at_risk = [
            f for f in oracle.firms if not (oracle.cohort[f] > 0 if never else oracle.cohort[f] <= joined + horizon)
        ]
        hits = {f: oracle.hits(f, joined) for f in at_risk}
        pool = [f for f in at_risk if not any(hits[f]) and oracle.complete(f, joined)]
        assert panel.units[one.treated.unit].tolist() == able
        assert sorted(panel.units[one.lacking]) == sorted(set(treated) - set(able))
        assert panel.units[one.control.unit].tolist() == pool
        check_values(one, oracle, panel.units)
        check_tally(one.tally, at_risk, hits)


def check_values(one, oracle, units):
    joined = int(one.cohort)
    sides = [(one.treated, units[one.treated.unit]), (one.control, units[one.control.unit])]
    for side, firms in sides:
        np.testing.assert_array_equal(side.x, np.array([oracle.x(f, joined) for f in firms], float).reshape(-1, 3))
        sales = np.array([oracle.value(f, joined - 1, "sales") for f in firms])
        np.testing.assert_allclose(side.bound[:, 0], np.log(sales.astype(float)))
    for rung in range(2):
        own, others = ([oracle.strata(f, joined)[rung] for f in firms] for _, firms in sides)
        same = np.array([[a is not None and a == b for b in others] for a in own]).reshape(len(own), len(others))
        codes = one.treated.strata[:, rung, None]
        assert ((codes == one.control.strata[:, rung]) & (codes >= 0)).tolist() == same.tolist()
    parents = [[oracle.value(f, joined - 1, "parent") for f in firms] for _, firms in sides]
    barred = (one.treated.forbid[:, :1] == one.control.forbid[:, 0]) & (one.treated.forbid[:, :1] >= 0)
    assert barred.tolist() == [[a is not None and a == b for b in parents[1]] for a in parents[0]]


def check_tally(tally, at_risk, hits):
    assert tally.candidates == len(at_risk)
    for step in range(5):
        concerned = [f for f in at_risk if hits[f][step]]
        assert tally.concerned[step] == len(concerned)
        assert tally.removed[step] == sum(not any(hits[f][:step]) for f in concerned)
        assert tally.only[step] == sum(sum(hits[f]) == 1 for f in concerned)


def same_sets(one, other):
    for a, b in zip(one, other, strict=True):
        for left, right in ((a.treated, b.treated), (a.control, b.control)):
            for part in ("unit", "x", "exact", "forbid", "strata", "bound"):
                np.testing.assert_array_equal(getattr(left, part), getattr(right, part))
        np.testing.assert_array_equal(a.lacks, b.lacks)
        np.testing.assert_array_equal(a.tally.alike, b.tally.alike)


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), late=st.sampled_from([2003, 2004, 2006]))
def test_nothing_that_happens_from_joining_on_matters(seed, late):
    frame = world(seed).sort_values(["firm", "year"])
    rng, later = np.random.default_rng(seed), frame["year"] >= late
    changed = frame.copy()
    for column in ("y", "z", "sales", "size", "industry", "parent", "county"):
        changed.loc[later, column] = rng.permutation(changed.loc[later, column].to_numpy())
    wanted = Wanted(
        on=WANTED.on, growth=WANTED.growth, lags=WANTED.lags, exact=WANTED.exact, ladder=WANTED.ladder,
        forbid=WANTED.forbid, bounds=WANTED.bounds, rules=(RULES[2],), active=2,
    )  # fmt: skip
    kept = [[one for one in sets_of(panel_of(f), wanted)[0] if one.cohort <= late] for f in (frame, changed)]
    same_sets(*kept)


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_rows_does_not_matter(seed):
    frame = world(seed)
    same_sets(sets_of(panel_of(frame))[0], sets_of(panel_of(frame.sample(frac=1, random_state=seed + 1)))[0])
    same_sets(sets_of(panel_of(frame))[0], sets_of(panel_of(frame.sort_values(["firm", "year"])))[0])


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), enough=st.integers(1, 4), caliper=st.sampled_from([np.inf, 1.0]))
def test_ledgers_add_up(seed, enough, caliper):
    panel = panel_of(world(seed, n=60))
    found, labels = sets_of(panel)
    traces = []
    for one in found:
        sides = [
            SimpleNamespace(z=s.x, strata=s.strata, forbid=s.forbid, bound=s.bound) for s in (one.treated, one.control)
        ]
        traces.append(Trace.of(one, choose_rungs(*sides, Limits(np.log([3.0]), caliper), enough)))
    table = cohort_ledger(traces, labels)
    assert (table["before"] - table["removed"] == table["left"]).all()
    assert (table["only"] <= table["removed"]).all()
    assert (table["removed"] <= table["concerned"]).all()
    assert (table.groupby("cohort")["left"].shift() == table["before"])[table.groupby("cohort").cumcount() > 0].all()
    assert table.groupby("cohort")["left"].last().tolist() == [len(one.control.unit) for one in found]
    units = unit_ledger(traces, labels, panel.units)
    if len(units):
        assert (units["removed"] >= 0).all()
        assert (units["before"] - units["removed"] == units["left"]).all()
        assert (units.groupby("unit")["left"].shift() == units["before"])[units.groupby("unit").cumcount() > 0].all()
    for trace in traces:
        # Counted along two ways: candidates alike after all steps, and members of the stratum.
        assert (trace.tally.alike[np.arange(len(trace.unit)), trace.rungs.rung, -1] == trace.rungs.stages[:, 0]).all()


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), rules=st.sampled_from([EVER, EVER[:1], EVER[1:2], EVER[2:]]))
def test_the_exposed_are_those_who_are_no_candidates(seed, rules):
    frame = world(seed)
    panel = panel_of(frame)
    table = exposed(panel, rules).set_index("unit")
    wanted = Wanted(rules=rules)
    never = set(panel.units[np.isnan(panel.cohorts)])
    assert set(table.index) == never
    for one in sets_of(panel, wanted)[0]:
        candidates = set(panel.units[one.control.unit]) & never
        assert candidates == set(table.index[table["exposed_from"].isna()])


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000))
def test_exposure_begins_when_the_oracle_says(seed):
    frame = world(seed)
    oracle, rules = Oracle(frame), (*EVER[:2], Rule(kind="shares", column="parent", when="before", name="then"))
    members = [f for f in oracle.firms if oracle.cohort[f] > 0]
    for rule in rules:
        for row in exposed(panel_of(frame), [rule]).itertuples():
            if rule.kind == "flagged":
                since = [year for year in YEARS if oracle.value(row.unit, year, "support")]
            elif rule.when == "ever":
                since = [
                    oracle.cohort[m] for m in members if oracle.ever(m, "parent") & oracle.ever(row.unit, "parent")
                ]
            else:
                since = [
                    oracle.cohort[m]
                    for m in members
                    if oracle.value(m, oracle.cohort[m] - 1, "parent") is not None
                    and oracle.value(m, oracle.cohort[m] - 1, "parent")
                    == oracle.value(row.unit, oracle.cohort[m] - 1, "parent")
                ]
            np.testing.assert_equal(row.exposed_from, float(min(since)) if since else np.nan)
            assert row.rule == (rule.name if since else "")

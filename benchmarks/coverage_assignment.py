"""How often 95 % intervals cover when organisations, not firms, are treated: every choice of variance, few organisations.

``python benchmarks/coverage_assignment.py --worlds 1000`` writes coverage_assignment.json beside this file; with ``--page
docs/explanation/standard-errors.md`` it also replaces the table between the two marks of that page. About two minutes of
processor time for each design and thousand worlds; ``--only 0 2`` runs the first and the third design, ``--worlds 0`` none.
"""

import argparse
import json
import sys
import warnings
from dataclasses import asdict
from pathlib import Path

import numpy as np

import clustereffects as ce
from clustereffects.errors import FewClustersWarning
from clustereffects.results import versions

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))

from support.assigned_worlds import World, analytic, by_firm, covers, with_variance  # noqa: E402

RESULTS = HERE / "coverage_assignment.json"
BEGIN, END = "<!-- coverage: begin -->", "<!-- coverage: end -->"
FEW = [(3, 10), (5, 10), (8, 12), (10, 20), (5, 50), (25, 25)]
DESIGNS = [
    World(3, 10),
    World(8, 12),
    *(World(treated, other, cohorts=3) for treated, other in FEW),
    *(World(treated, single=400, cohorts=3) for treated in (3, 5, 8, 12)),
    *(World(treated, single=400, cohorts=3, effect_sd=0.3) for treated in (5, 12)),
    *(World(treated, other, cohorts=3, shock=0.0) for treated, other in [(3, 10), (8, 12)]),
    World(5, single=400, cohorts=3, shock=0.0),
]
WAYS = {
    "by firm": by_firm,
    "Cluster": lambda effects: with_variance(effects, ce.Cluster("organisation")),
    "Cluster, stata": lambda effects: with_variance(effects, ce.Cluster("organisation", small_sample="stata")),
    "WildBootstrap": lambda effects: with_variance(effects, ce.WildBootstrap(draws=399)),
    "treated clusters": analytic,
    "Jackknife, clusters": lambda effects: with_variance(effects, ce.Jackknife(df="clusters")),
    "Jackknife": lambda effects: effects,
}


def study(world: World, worlds: int) -> dict:
    """Coverage of the overall effect and that of the joining year, median half-widths over those of a known variance."""
    rng = np.random.default_rng(20)
    inside = {way: [] for way in WAYS}
    width = {way: [] for way in WAYS}
    first, estimates = [], []
    for _ in range(worlds):
        cells = ce.GroupTimeDiD().fit(world.panel(rng), "y")
        overall, event = cells.aggregate("overall"), cells.aggregate("event")
        estimates.append(overall.estimate[0])
        for way, change in WAYS.items():
            covered, half = covers(change(overall))
            inside[way].append(covered[0])
            width[way].append(half[0])
        covered, _ = covers(event.select(event.labels["event_time"] == 0))
        first.append(covered[0])
    oracle = 1.96 * np.std(estimates)
    return {
        "world": asdict(world),
        "worlds": worlds,
        "coverage": {way: round(float(np.nanmean(values)), 4) for way, values in inside.items()},
        "no_interval": {way: round(float(np.mean(np.isnan(values))), 4) for way, values in inside.items()},
        "width": {way: round(float(np.nanmedian(values) / oracle), 3) for way, values in width.items()},
        "coverage_event_0": round(float(np.nanmean(first)), 4),
    }


def table(results: list[dict]) -> str:
    """Markdown table of the results."""
    head = ["organisations", "firms in none", "joining years", *WAYS, "width"]
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    for found in results:
        world = found["world"]
        note = "" if world["shock"] else ", no shared shocks"
        note += ", effects differ" if world["effect_sd"] else ""
        others = f"{world['treated']} / {world['other']}{note}"
        rates = [f"{found['coverage'][way]:.3f}" for way in WAYS]
        cells = [others, f"{world['single']}", f"{world['cohorts']}", *rates, f"{found['width']['Jackknife']:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=1000)
    parser.add_argument(
        "--only", type=int, nargs="*", default=range(len(DESIGNS)), help="numbers of the designs to run"
    )
    parser.add_argument("--page", type=Path, help="page whose table is replaced")
    options = parser.parse_args()
    warnings.simplefilter("ignore", FewClustersWarning)
    stored = json.loads(RESULTS.read_text(encoding="utf-8"))["results"] if RESULTS.exists() else []
    results = {World(**found["world"]): found for found in stored}
    for number in options.only if options.worlds else ():
        results[DESIGNS[number]] = study(DESIGNS[number], options.worlds)
        print(results[DESIGNS[number]], flush=True)
    ordered = [results[world] for world in DESIGNS if world in results]
    RESULTS.write_text(json.dumps({"versions": versions(), "results": ordered}, indent=1) + "\n", encoding="utf-8")
    if options.page:
        text = options.page.read_text(encoding="utf-8")
        before, after = text.split(BEGIN)[0], text.split(END)[1]
        options.page.write_text(f"{before}{BEGIN}\n{table(ordered)}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()

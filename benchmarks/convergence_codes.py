"""How often convergence codes mislead: agreement on what is not so, dissonance where streams differ by chance alone.

``python benchmarks/convergence_codes.py --page docs/explanation/verdict-errors.md`` writes convergence_codes.json beside this file and
replaces the two tables between the marks of that page; ``--worlds 0`` computes nothing. About four minutes of processor time.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

from verdict_errors import fill, share

from clustereffects.results import versions
from clustereffects.triangulation.convergence import ConvergenceRules, cell_convergence

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))

from support.evidence_worlds import Design, World, cell_of, draw  # noqa: E402

RESULTS = HERE / "convergence_codes.json"
SEED = 2014
DESIGN = Design()
STATES = ("harm", "negligible", "benefit")
CODES = ("agreement", "partial", "dissonance", "uninformative")
WORLDS = {
    "as declared": World(),
    "effects all zero": World(lumped=1.0),
    "accounts +2 sd off": World(accounts_mean=2.0),
    "accounts and survey +2 sd off": World(accounts_mean=2.0, survey_mean=2.0),
    "accounts −2, survey +2 sd off": World(accounts_mean=-2.0, survey_mean=2.0),
    "one bias in accounts and survey": World(common=1.0),
    "useless answers always yes, ε = 0.5": World(epsilon=0.5, noise=1.0),
    "one mood behind interviews and survey": World(rho=0.75, mood=True, told=1.0),
}
RULES = {f"state from {least:g}": ConvergenceRules(class_probability=least) for least in (0.51, 0.6, 0.7, 0.8, 0.9)} | {
    f"gain from {gain:g} nat": ConvergenceRules(least_gain=gain) for gain in (0.0, 0.1, 0.2)
}


def study(world: World, rules: ConvergenceRules, worlds: int) -> dict[str, dict[str, int]]:
    """Counts of codes by pair of streams, and of agreements on a state that is not the true one."""
    drawn = draw(world, DESIGN, worlds, SEED)
    found: dict[str, Counter[str]] = {}
    for one in range(worlds):
        for pair in cell_convergence(cell_of(drawn, one, DESIGN), (), (), rules).codes:
            counts = found.setdefault(f"{pair.first} – {pair.second}", Counter())
            counts[pair.code] += 1
            if pair.code == "agreement":
                counts["wrong"] += pair.state_first != STATES[drawn.state[one]]
                counts["opposite"] += {pair.state_first, STATES[drawn.state[one]]} == {"benefit", "harm"}
    return {pair: dict(counts) for pair, counts in found.items()}


def table(results: dict, title: str) -> str:
    """Markdown table, one row for each setting and pair of streams."""
    head = [title, "streams", *CODES, "of agreements: another state is true", "the opposite is"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for name, pairs in results.items():
        for place, (pair, counts) in enumerate(pairs.items()):
            total = sum(counts.get(code, 0) for code in CODES)
            cells = [share(counts.get(code, 0), total) for code in CODES]
            cells += [share(counts.get(kind, 0), counts.get("agreement", 0)) for kind in ("wrong", "opposite")]
            lines.append(
                "| " + " | ".join(["" if place else name, pair.replace("economic", "accounts"), *cells]) + " |"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=2000)
    parser.add_argument("--page", type=Path, help="page whose tables are replaced")
    options = parser.parse_args()
    if options.worlds:
        usual = ConvergenceRules()
        by_world = {name: study(world, usual, options.worlds) for name, world in WORLDS.items()}
        by_rule = {name: study(World(), rules, options.worlds) for name, rules in RULES.items()}
        stored = {"versions": versions(), "seed": SEED, "worlds": options.worlds, "world": by_world, "rule": by_rule}
        RESULTS.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    tables = {"codes": table(found["world"], "world"), "rules": table(found["rule"], "limit, world as declared")}
    for name, text in tables.items():
        if options.page:
            options.page.write_text(fill(options.page.read_text(encoding="utf-8"), name, text), encoding="utf-8")
        else:
            print(text, end="\n\n")


if __name__ == "__main__":
    main()

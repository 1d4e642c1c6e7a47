"""How often verdicts are wrong when the declared judgements are: unreliability, dependence, biases, prior.

``python benchmarks/verdict_errors.py --worlds 4000 --page docs/explanation/verdict-errors.md`` writes verdict_errors.json beside
this file and replaces the tables between the marks of that page. What is stored for as many worlds is not computed again;
``--worlds 0`` computes nothing. Half an hour of processor time for 4,000 worlds.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.special import betaln, expit

from clustereffects.results import versions
from clustereffects.triangulation.likelihoods import tempering

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))

from support.evidence_worlds import SIGNS, Design, Drawn, Judged, World, draw, judge  # noqa: E402

RESULTS = HERE / "verdict_errors.json"
SEED = 2013
BANDS = np.array([0.0, 0.1, 0.2, 0.5, 0.8, 0.9, 0.99, 1.0])
STATES = ("harm", "negligible", "benefit")
SAID = {
    "benefit": ("beneficial", "probably beneficial"),
    "negligible": ("no material effect",),
    "harm": ("harmful", "probably harmful"),
    "undecided": ("undecided",),
    "withheld": ("withheld",),
}
DESIGNS = {
    "accounts, survey, interviews": Design(),
    "survey, interviews": Design(accounts=None),
    "interviews alone": Design(accounts=None, survey_error=None, respondents=8),
    "accounts precise for a δ of 5 %, interviews": Design(delta=0.05, accounts=(0.4, 0.4), survey_error=None),
}


@dataclass(frozen=True)
class Setting:
    """One thing that is otherwise than declared: in the world, or because the evaluator declares something else."""

    factor: str
    level: str
    world: World = field(default_factory=World)
    declared: tuple[tuple[str, object], ...] = ()

    def applies(self, design: Design) -> bool:
        """Whether the design has what is wrong."""
        streams = {"accounts": design.accounts, "survey": design.survey_error}
        return all(streams[name] for name in streams if name in self.factor) and self.declaration(design) is not None

    def declaration(self, design: Design) -> Design | None:
        """The design as the evaluator declares it; None if nothing is left to be declared otherwise."""
        changes = {name: value for name, value in self.declared if design.survey_error or not name.startswith("survey")}
        if changes.pop("accounts_bias", None) is not None and design.accounts:
            changes["accounts"] = (design.accounts[0], 0.0)
        changed = replace(design, **changes)
        return None if self.declared and changed == design else changed


def _settings() -> list[Setting]:
    no_bias = (("accounts_bias", 0.0), ("survey_bias", (0.0, 0.0)), ("survey_range", None))
    listed = [
        Setting("nothing", "as declared"),
        Setting("effects", "twice as far apart: prior too sceptical", World(spread=2.0)),
        Setting("effects", "half as far apart: prior too wide", World(spread=0.5)),
        Setting("effects", "a fifth as far apart", World(spread=0.2)),
        Setting("effects", "centred at +5 δ", World(centre=5.0)),
        Setting("effects", "centred at −5 δ", World(centre=-5.0)),
        Setting("effects", "half of them zero", World(lumped=0.5)),
        Setting("effects", "all of them zero", World(lumped=1.0)),
        Setting("effects", "all of them δ, just too small", World(lumped=1.0, point=1.0)),
    ]
    for stream, word in (("accounts", "bias of the accounts"), ("survey", "bias of the survey")):
        steps = {f"mean {step:+d} sd off".replace("-", "−"): (f"{stream}_mean", step) for step in (-2, -1, 1, 2)}
        sizes = {f"sd {size:g} times as large": (f"{stream}_sd", size) for size in (0.5, 2, 3)}
        listed += [Setting(word, level, World(**{name: value})) for level, (name, value) in (steps | sizes).items()]
    listed.append(Setting("biases of accounts and survey", "one and the same (correlation 1)", World(common=1.0)))
    listed += [Setting("unreliability ε (declared .1)", f"{e:g}", World(epsilon=e)) for e in (0, 0.05, 0.2, 0.3, 0.5)]
    listed += [
        Setting("useless answers", f"always yes, ε = {e:g}", World(epsilon=e, noise=1.0)) for e in (0.1, 0.3, 0.5)
    ]
    listed += [Setting("dependence ρ (declared .5)", f"{r:g}", World(rho=r)) for r in (0, 0.25, 0.75, 1)]
    word = "one mood behind all answers"
    listed += [Setting(word, f"{r:g}", World(rho=r, mood=True)) for r in (0.25, 0.5, 0.75, 1)]
    told = World(rho=0.75, mood=True, told=1.0)
    listed += [
        Setting("one mood behind interviews and survey", "0.75", told),
        Setting("signs", "half as telling as declared", World(telling=0.5)),
        Setting("signs", "not telling at all", World(telling=0.0)),
        Setting("declaration", "survey: centre without a range", declared=(("survey_range", None),)),
        Setting("declaration", "ρ anywhere from 0 to 1", declared=(("rho", (0.0, 1.0)),)),
        Setting("declaration", "no bias", declared=no_bias),
        Setting("declaration", "no unreliability", declared=(("epsilon", 0.0),)),
        Setting("declaration", "no dependence", declared=(("rho", 0.0),)),
        Setting("declaration", "none of it", declared=(*no_bias, ("epsilon", 0.0), ("rho", 0.0))),
    ]
    return listed


def study(setting: Setting, design: Design, worlds: int) -> dict:
    """Counts of verdicts by true state, and of truths by stated probability."""
    started = time.process_time()
    drawn = draw(setting.world, design, worlds, SEED)
    declared = setting.declaration(design)
    assert declared is not None
    judged = judge(drawn, declared)
    return {
        "worlds": worlds,
        "world": asdict(setting.world),
        "declared": asdict(declared),
        "said": verdict_counts(drawn, judged),
        "bands": calibration(drawn, judged),
        "cpu_s": round(time.process_time() - started, 1),
    }


def verdict_counts(drawn: Drawn, judged: Judged) -> dict[str, list[int]]:
    """Worlds by what was said (keys) and true state (harm, negligible, benefit)."""
    return {
        name: np.bincount(drawn.state[np.isin(judged.verdict, words)], minlength=3).tolist()
        for name, words in SAID.items()
    }


def calibration(drawn: Drawn, judged: Judged) -> dict[str, list[dict]]:
    """For every state and band of its probability where one is stated: worlds, sum of the probabilities, truths."""
    stated = judged.verdict != "withheld"
    found = {}
    for place, state in enumerate(STATES):
        chance, true = judged.probability[stated, place], drawn.state[stated] == place
        band = np.clip(np.searchsorted(BANDS, chance, side="right") - 1, 0, BANDS.size - 2)
        rows = [(band == i, low, high) for i, (low, high) in enumerate(pairwise(BANDS.tolist()))]
        found[state] = [
            {
                "from": low,
                "to": high,
                "n": int(inside.sum()),
                "stated": round(float(chance[inside].sum()), 3),
                "true": int(true[inside].sum()),
            }
            for inside, low, high in rows
        ]
    return found


def share(count: float, total: float) -> str:
    """Per cent, with a decimal below ten; a dash if there was nothing to count."""
    if not total:
        return "–"
    value = 100 * count / total
    return f"{value:.1f}" if value < 9.95 else f"{value:.0f}"


def error_row(found: dict) -> list[str]:
    """Error rates of a setting, in per cent."""
    said = {name: np.array(counts) for name, counts in found["said"].items()}
    totals, worlds = sum(said.values()), found["worlds"]
    cells = []
    for place, state in ((2, "benefit"), (0, "harm"), (1, "negligible")):
        false = said[state].sum() - said[state][place]
        cells += [share(false, worlds - totals[place]), share(false, said[state].sum())]
    decided = said["benefit"] + said["harm"] + said["negligible"]
    cells += [share(decided.sum(), worlds), share(said["withheld"].sum(), worlds)]
    return cells + [band_cell(found["bands"]["benefit"], low, high) for low, high in ((0.8, 0.9), (0.9, 1.0))]


def band_cell(bands: list[dict], low: float, high: float) -> str:
    """Mean stated probability against the share of truths, in per cent; a dash below 50 worlds."""
    inside = [one for one in bands if low <= one["from"] and one["to"] <= high]
    n, stated, true = (sum(one[key] for one in inside) for key in ("n", "stated", "true"))
    return f"{share(stated, n)} → {share(true, n)}" if n >= 50 else "–"


def error_table(results: dict, design: str) -> str:
    """Markdown table of one design."""
    head = [
        "otherwise than declared",
        "",
        "called beneficial, of those that are not",
        "not beneficial, of those called so",
        "called harmful, of those that are not",
        "not harmful, of those called so",
        "“no material effect”, of those that have one",
        "has one, of those called so",
        "decided",
        "withheld",
        "stated 80–90 % → true",
        "stated 90–100 % → true",
    ]
    lines, last = [_row(head), _row(["---"] * len(head))], ""
    for setting in _settings():
        found = results.get(_key(design, setting))
        if found:
            lines.append(_row(["" if setting.factor == last else setting.factor, setting.level, *error_row(found)]))
            last = setting.factor
    return "\n".join(lines)


def calibration_table(results: dict) -> str:
    """Stated against true, every state, where all is as declared."""
    names = [f"{low:.0%}–{high:.0%}".replace("%–", "–") for low, high in pairwise(BANDS.tolist())]
    lines = [_row(["evidence", "state", *names]), _row(["---"] * (2 + len(names)))]
    for design in DESIGNS:
        found = results.get(f"{design} / nothing / as declared")
        for state in STATES if found else ():
            bands = found["bands"][state]
            cells = [band_cell([one], one["from"], one["to"]) for one in bands]
            lines.append(_row([design if state == STATES[0] else "", state, *cells]))
    return "\n".join(lines)


def tempered(sign: str, respondents: int, rho: float, epsilon: float = 0.1) -> dict[str, float]:
    """Tempered against exact beta-binomial likelihood of n reports on a sign, benefit or negligible with even odds."""
    chances = (1 - epsilon) * np.array(SIGNS[sign])[1:] + epsilon / 2
    seen = np.arange(respondents + 1)
    size = (1 - rho) / rho
    a, b = chances[:, None] * size, (1 - chances[:, None]) * size
    exact = betaln(seen + a, respondents - seen + b) - betaln(a, b)
    exponent = tempering(np.array([[float(respondents)]]), np.ones((1, 1)), np.array([rho])).item()
    plain = seen * np.log(chances)[:, None] + (respondents - seen) * np.log1p(-chances)[:, None]
    ways = -betaln(seen + 1, respondents - seen + 1) - np.log(respondents + 1)
    weight = np.exp(exact + ways) / 2
    right, stated = expit(exact[1] - exact[0]), expit(exponent * (plain[1] - plain[0]))
    score = [float((weight * np.log([1 - p, p])).sum()) for p in (right, stated)]
    apart = stated - right
    return {
        "moved": float((weight.sum(axis=0) * np.abs(apart)).sum()),
        "high": float(apart.max()),
        "low": float(apart.min()),
        "gain": score[0] + np.log(2),
        "lost": score[0] - score[1],
    }


def tempering_table() -> str:
    """What tempering makes of reports that correlate by ρ, in percentage points and thousandths of a nat."""
    head = ["sign", "respondents", "ρ", "moved", "too high by at most", "too low by at most", "information", "lost"]
    lines = [_row(head), _row(["---"] * len(head))]
    for sign in SIGNS:
        for respondents in (4, 8, 20):
            for rho in (0.25, 0.5, 0.75):
                found = tempered(sign, respondents, rho)
                points = [f"{abs(100 * found[name]):.0f}" for name in ("moved", "high", "low")]
                nats = [f"{1000 * found[name]:.0f}" for name in ("gain", "lost")]
                lines.append(_row([sign, str(respondents), f"{rho:g}", *points, *nats]))
    return "\n".join(lines)


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _key(design: str, setting: Setting) -> str:
    return f"{design} / {setting.factor} / {setting.level}"


def _stored() -> dict:
    return json.loads(RESULTS.read_text(encoding="utf-8"))["results"] if RESULTS.exists() else {}


def _store(results: dict) -> None:
    ordered = {_key(name, one): None for name in DESIGNS for one in _settings()}
    kept = {key: results[key] for key in ordered if key in results}
    text = json.dumps({"versions": versions(), "seed": SEED, "results": kept}, indent=1, ensure_ascii=False)
    RESULTS.write_text(text + "\n", encoding="utf-8")


def compute(worlds: int, designs: list[str]) -> dict:
    """Results of all settings; those that are stored for as many worlds are not computed again."""
    results = _stored()
    for name in designs if worlds else ():
        for setting in (one for one in _settings() if one.applies(DESIGNS[name])):
            key = _key(name, setting)
            if results.get(key, {}).get("worlds") != worlds:
                results[key] = study(setting, DESIGNS[name], worlds)
                print(key, *error_row(results[key]), sep="; ", flush=True)
                _store(results)
    return results


def fill(page: str, name: str, table: str) -> str:
    """The page with the text between the two marks of that name replaced."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, rest = page.split(begin)
    return f"{before}{begin}\n{table}\n{end}{rest.split(end)[1]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=4000)
    parser.add_argument("--designs", nargs="*", default=list(DESIGNS), choices=list(DESIGNS))
    parser.add_argument("--page", type=Path, help="page whose tables are replaced")
    options = parser.parse_args()
    results = compute(options.worlds, options.designs)
    if options.page:
        text = fill(options.page.read_text(encoding="utf-8"), "calibration", calibration_table(results))
        text = fill(text, "tempering", tempering_table())
        for place, name in enumerate(DESIGNS, 1):
            text = fill(text, f"errors {place}", error_table(results, name))
        options.page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

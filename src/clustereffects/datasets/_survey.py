"""Three waves of a member survey: who is asked, who answers, what a perceived benefit does to the answers."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from clustereffects.datasets._catalogue import catalogue, resource
from clustereffects.datasets._firms import Bools, Floats, Ints, Words, World
from clustereffects.datasets._lists import hyphened, identifiers
from clustereffects.datasets._members import Programme

EFFECT_UNIT = 0.06
LOADINGS = {"growth": 0.45, "innovation": 0.35, "recruitment": 0.3, "network": 0.4, "control": 0.0}
# Halo and courtesy: what makes perceived effects look alike across scales and too good.
HALO_SD, NOISE_SD, ACQUIESCENCE_SD, OPTIMISM = 0.5, 0.35, 0.2, 0.25
THRESHOLDS = np.array([-1.7, -0.6, 0.6, 1.8])
NON_MEMBER_RATE = 0.28
ASKED_SHARE = 0.9
IDENTITY = ("respondent", "orgnr", "organisation", "wave", "role")
SPREADSHEET_HEADERS = ("Svarande", "Organisationsnummer", "Klusterorganisation", "År", "Befattning")
ONLINE_HEADERS = ("Response ID", "Organisationsnummer", "Klusterorganisation", "Undersökningsår", "Vilken är din roll?")


@dataclass(frozen=True, slots=True)
class Item:
    """A question: its scale, direction and position."""

    name: str
    text: str
    scale: str
    reverse: bool


@dataclass(frozen=True, slots=True)
class Response:
    """What organisations and firms bring to their answers."""

    optimism: Floats  # (organisations + 1,), the last for non-members
    own: dict[str, Floats]  # by scale, (organisations,): effects the accounts do not show
    rate: Floats  # (organisations,)
    discrimination: Floats
    shift: Floats
    halo: Floats  # (firms,)
    acquiescence: Floats  # (firms,)
    number: Ints  # (firms,), in the respondent's identifier


@dataclass(frozen=True, slots=True)
class Survey:
    """All waves with the frame of who was asked and the response model behind them."""

    waves: dict[int, pd.DataFrame]
    frame: pd.DataFrame
    response: Response


def items() -> tuple[Item, ...]:
    """The questions in the order of the questionnaire."""
    book = tomllib.loads(resource("codebook.toml"))
    scales = book["scales"].items()
    return tuple(
        Item(name, book["items"][name]["sv"], scale, name in content["reversed"])
        for scale, content in scales
        for name in content["items"]
    )


def spreadsheet_headers() -> dict[str, str]:
    """Header of the spreadsheet wave → canonical name."""
    headers = dict(zip(SPREADSHEET_HEADERS, IDENTITY, strict=True))
    return headers | {f"{item.name.upper()}. {item.text}": item.name for item in items()}


def draw_survey(world: World, programme: Programme, n_non_members: int, rng: np.random.Generator) -> Survey:
    """Ask members and comparable non-members in the last three years."""
    response = _draw_response(world, programme, rng)
    outsiders = _draw_outsiders(world, programme, n_non_members, rng)
    waves, frames = {}, []
    for wave in (int(year) for year in world.years[-3:]):
        active = _active(world, programme, wave) | (outsiders & world.alive[:, wave - world.years[0]])
        asked = active & (rng.random(active.size) < ASKED_SHARE)
        frames.append(_frame(world, programme, active, asked, wave))
        answered = np.flatnonzero(asked & _answering(programme, response, rng))
        waves[wave] = _answers(world, programme, response, answered, wave, rng)
    return Survey(waves, pd.concat(frames, ignore_index=True), response)


def benefit(theta: Floats, scale: str) -> Floats:
    """Perceived benefit on a scale, in standard deviations of the answers' noise, before any bias."""
    return np.asarray(LOADINGS[scale] * theta / EFFECT_UNIT)


def _draw_response(world: World, programme: Programme, rng: np.random.Generator) -> Response:
    n_items, n = len(items()), len(programme.roles)
    effective = programme.mu.any(axis=1)
    return Response(
        optimism=np.append(rng.normal(OPTIMISM, 0.2, n), 0.2),
        own={scale: rng.normal(0, 0.1, n) * effective * (scale not in {"growth", "control"}) for scale in LOADINGS},
        rate=np.clip(rng.normal(0.48, 0.1, n), 0.25, 0.75),
        discrimination=rng.uniform(1.3, 2.1, n_items),
        shift=rng.normal(0, 0.1, n_items),
        halo=rng.normal(0, HALO_SD, world.orgnr.size),
        acquiescence=rng.normal(0, ACQUIESCENCE_SD, world.orgnr.size),
        number=rng.permutation(np.arange(10001, 10001 + world.orgnr.size)),
    )


def _draw_outsiders(world: World, programme: Programme, n: int, rng: np.random.Generator) -> Bools:
    """Non-members of the region in the members' industries."""
    fields = np.unique(world.division[programme.member].astype(str))
    fits = world.in_region & ~programme.member & np.isin(world.division.astype(str), fields) & world.alive[:, -3]
    candidates = np.flatnonzero(fits)
    chosen = np.zeros(world.orgnr.size, dtype=bool)
    chosen[rng.permutation(candidates)[:n]] = True
    return chosen


def _active(world: World, programme: Programme, wave: int) -> Bools:
    alive = world.alive[:, wave - world.years[0]]
    return np.asarray(alive & (programme.joined <= wave) & ~(programme.left <= wave))


def _answering(programme: Programme, response: Response, rng: np.random.Generator) -> Bools:
    """Satisfied members answer more often."""
    rate = np.append(response.rate, NON_MEMBER_RATE)[programme.organisation]
    score = np.log(rate / (1 - rate)) + 0.35 * benefit(programme.theta[:, 0], "growth")
    return np.asarray(rng.random(rate.size) < 1 / (1 + np.exp(-score)))


def _frame(world: World, programme: Programme, active: Bools, asked: Bools, wave: int) -> pd.DataFrame:
    firms = np.flatnonzero(active)
    firms = firms[np.argsort(world.orgnr[firms])]
    names = _names(programme)[programme.organisation[firms]]
    content = {"orgnr": world.orgnr[firms], "organisation": names, "wave": wave, "asked": asked[firms].astype(int)}
    return pd.DataFrame(content)


def _answers(
    world: World,
    programme: Programme,
    response: Response,
    firms: Ints,
    wave: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    firms = firms[np.argsort(response.number[firms])]
    roles = rng.choice(np.array(catalogue()["roles"]["survey"], dtype=object), size=firms.size)
    content: dict[str, Any] = {
        "respondent": [f"R{number}" for number in response.number[firms]],
        "orgnr": [hyphened(int(number)) for number in world.orgnr[firms]],
        "organisation": _names(programme)[programme.organisation[firms]],
        "wave": wave,
        "role": roles,
    }
    answers = _with_gaps(_categories(programme, response, firms, rng), rng)
    return pd.DataFrame(content).assign(**dict(zip((item.name for item in items()), answers.T, strict=True)))


def _categories(programme: Programme, response: Response, firms: Ints, rng: np.random.Generator) -> Ints:
    """Graded answers 1–5 of each firm to each item."""
    group = programme.organisation[firms]
    scales = {
        scale: benefit(programme.theta[firms, 0], scale)
        + np.append(response.own[scale], 0.0)[group]
        + response.optimism[group]
        + response.halo[firms]
        + rng.normal(0, NOISE_SD, firms.size)
        for scale in LOADINGS
    }
    answers = np.empty((firms.size, len(items())), dtype=np.int64)
    for number, item in enumerate(items()):
        direction = -1.0 if item.reverse else 1.0
        latent = response.discrimination[number] * direction * scales[item.scale] + response.shift[number]
        latent = latent + response.acquiescence[firms] + rng.logistic(0, 0.55, firms.size)
        answers[:, number] = 1 + np.searchsorted(THRESHOLDS, latent)
    return answers


def _with_gaps(answers: Ints, rng: np.random.Generator) -> Words:
    """Don't know (98), not applicable (99), empty cells and questionnaires left half way."""
    cells = answers.astype(object)
    draw = rng.random(answers.shape)
    cells[draw < 0.09] = ""
    cells[draw < 0.06] = 99
    cells[draw < 0.04] = 98
    stopped = np.flatnonzero(rng.random(answers.shape[0]) < 0.03)
    for row, last in zip(stopped, rng.integers(2, answers.shape[1], stopped.size), strict=True):
        cells[row, last:] = ""
    return cells


def _names(programme: Programme) -> Words:
    """Identifiers with an empty last entry, so that −1 finds it."""
    return np.array([*identifiers(len(programme.roles)), ""], dtype=object)

"""Annual accounts as a register exports them: nominal money, unknown cells, old and new codes, unit errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from clustereffects.datasets._catalogue import IndustryKey
from clustereffects.datasets._firms import Bools, Floats, Ints, World

PROFIT_AND_LOSS = ("net_turnover", "value_added", "personnel_cost", "depreciation", "operating_profit")
CODE_CHANGE = 2008
ZEROS_RETURN = 2005
WAGE = 400.0


@dataclass(frozen=True, slots=True)
class Accounts:
    """The table, which outcomes of which firm-years are usable, and what was done to the table."""

    frame: pd.DataFrame
    valid: Bools  # (firms, years, 3)
    dirt: dict[str, int]


def price_index(years: Ints, base_year: int) -> Floats:
    """Index with 100 in the base year: 1.7 % a year, one decimal as statistical offices print it."""
    return np.round(100 * 1.017 ** (years - base_year), 1)


def draw_accounts(
    world: World, logs: Floats, key: IndustryKey, index: Floats, *, dirty: bool, rng: np.random.Generator
) -> Accounts:
    """Turn log outcomes in fixed prices into a table of accounts."""
    columns = _money(world, logs, index / 100, rng)
    unknown = _unknown_statements(world, rng) & dirty
    losses = world.alive & (rng.random(world.alive.shape) < 0.012)
    columns["value_added"][losses] *= -rng.choice([0.0, 0.1, 0.3], size=int(losses.sum()))
    columns["operating_profit"] = columns["value_added"] - columns["personnel_cost"] - columns["depreciation"]
    slips = world.alive & ~unknown & (rng.random(world.alive.shape) < 0.0004) & dirty
    zeroed = unknown & (rng.random(world.orgnr.size) < 0.5)[:, None]
    for name, values in columns.items():
        if name in PROFIT_AND_LOSS:
            values[unknown] = np.where(zeroed[unknown], 0.0, np.nan)
        if name != "employees":
            values[slips] *= 1000
    known = world.alive & ~unknown
    sold, staffed, earned = (columns[name] > 0 for name in ("net_turnover", "employees", "value_added"))
    return Accounts(
        frame=_table(world, key, columns, unknown, dirty=dirty, rng=rng),
        valid=np.stack([known & earned, world.alive & staffed, known & sold], axis=-1),
        dirt=_count(world, columns, (unknown, zeroed, slips), dirty=dirty),
    )


def _money(world: World, logs: Floats, prices: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    real = np.exp(logs)
    shape = world.alive.shape
    raises: Floats = 1.012 ** np.arange(shape[1], dtype=float)
    wages = WAGE * raises * np.exp(rng.normal(0, 0.1, (shape[0], 1)) + rng.normal(0, 0.03, shape))
    amounts = {
        "net_turnover": real[:, :, 2] * prices,
        "value_added": real[:, :, 0] * prices,
        "personnel_cost": real[:, :, 1] * wages * prices,
        "depreciation": 0.08 * real[:, :, 0] * prices * np.exp(rng.normal(0, 0.3, shape)),
        "operating_profit": np.zeros(shape),
        "total_assets": 0.55 * real[:, :, 2] * prices * np.exp(rng.normal(0, 0.4, (shape[0], 1))),
    }
    return {name: np.round(values) for name, values in amounts.items()} | {"employees": np.round(real[:, :, 1])}


def _unknown_statements(world: World, rng: np.random.Generator) -> Bools:
    """Statement status K: subsidiaries whose profit and loss account another company reports for one to three years."""
    n, n_years = world.alive.shape
    chosen = (world.parent > 0) & (rng.random(n) < 0.25)
    start = rng.integers(0, n_years, size=(n, 1))
    length = rng.integers(1, 4, size=(n, 1))
    column = np.arange(n_years)[None, :]
    spell = (column >= start) & (column < start + length)
    return np.asarray(spell & chosen[:, None] & world.alive)


def _table(
    world: World, key: IndustryKey, columns: dict[str, Floats], unknown: Bools, *, dirty: bool, rng: np.random.Generator
) -> pd.DataFrame:
    kept = world.alive.ravel()
    firm = np.repeat(np.arange(world.orgnr.size), world.years.size)[kept]
    year = np.tile(world.years, world.orgnr.size)[kept]
    ordinary = rng.choice(np.array(["A", "I", "B", "O"], dtype=object), size=firm.size, p=[0.97, 0.012, 0.01, 0.008])
    parent = world.parent[firm].astype(float)
    code = np.where(year < CODE_CHANGE, key.sni2002[world.pair[firm]], key.sni2007[world.pair[firm]])
    if dirty:
        code = np.where(year < ZEROS_RETURN, np.array([text.lstrip("0") for text in code], dtype=object), code)
    frame = pd.DataFrame(
        {
            "orgnr": world.orgnr[firm].astype(float) if dirty else world.orgnr[firm],
            "year": year,
            "legal_form": world.legal_form[firm],
            "status": np.where(unknown.ravel()[kept], "K", ordinary),
            "sni": code,
            "municipality": world.municipality[firm],
            "group_orgnr": np.where(parent > 0, parent, np.nan),
        }
    )
    return frame.assign(**{name: values.ravel()[kept] for name, values in columns.items()})


def _count(
    world: World, columns: dict[str, Floats], masks: tuple[Bools, Bools, Bools], *, dirty: bool
) -> dict[str, int]:
    unknown, zeroed, slips = masks
    return {
        "outlier_rows_x1000": int(slips.sum()),
        "status_k_rows": int(unknown.sum()),
        "status_k_rows_written_as_zero": int(zeroed.sum()),
        "value_added_not_positive": int((columns["value_added"] <= 0)[world.alive].sum()),
        "other_legal_form_firms": int((world.legal_form != 49)[world.alive.any(axis=1)].sum()),
        "leading_zero_lost_through": ZEROS_RETURN - 1 if dirty else 0,
    }

"""The small tables of a study: organisations, the member list with its dirt, deflator, key, supports, plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from clustereffects.datasets._catalogue import IndustryKey, Organisation, catalogue, codes, resource
from clustereffects.datasets._firms import Ints, World, organisation_numbers
from clustereffects.datasets._members import Contributions, Programme

Row = dict[str, Any]
UNREGISTERED = (554_900_000, 100_000)


@dataclass(frozen=True, slots=True)
class MemberList:
    """The list as the organisations keep it and where it is wrong."""

    frame: pd.DataFrame
    dirt: dict[str, list[Row]]
    unusable: frozenset[int]  # firms that cannot be linked or dated


def identifiers(n: int) -> list[str]:
    """Identifiers of the organisations."""
    return [f"K{number:02d}" for number in range(1, n + 1)]


def organisation_table(organisations: tuple[Organisation, ...], started: Ints) -> pd.DataFrame:
    """One row per cluster organisation."""
    rows = [{"name": row.name, "field": row.field, "county": row.county} for row in organisations]
    frame = pd.DataFrame(rows).assign(started=started)
    frame.insert(0, "organisation", identifiers(len(organisations)))
    return frame


def member_list(world: World, programme: Programme, *, dirty: bool, rng: np.random.Generator) -> MemberList:
    """Write the membership spells as text and, if asked, spoil some rows in every known way."""
    members = np.flatnonzero(programme.member)
    members = members[np.lexsort((programme.joined[members], programme.organisation[members]))]
    rows = [_member_row(world, programme, int(firm), rng) for firm in members]
    kinds: dict[int, str] = _assign_dirt(members, programme, rng) if dirty else {}
    for row in rows:
        _spoil(row, kinds.get(row["_firm"], ""), rng)
    if dirty:
        rows += _extra_rows(rows, kinds, programme, rng)
    rows.sort(key=lambda row: row["organisation"])
    frame = pd.DataFrame([{name: value for name, value in row.items() if not name.startswith("_")} for row in rows])
    unusable = {
        row["_firm"] for row in rows if row["_kind"] in {"wrong_check_digit", "missing_joined", "ends_before_start"}
    }
    return MemberList(frame, _dirt_register(rows), frozenset(unusable))


def supports_table(world: World, contributions: Contributions, rng: np.random.Generator) -> pd.DataFrame:
    """Other public support, with twelve-digit numbers as the paying agency writes them."""
    firms = np.flatnonzero(~np.isnan(contributions.support_year))
    year = contributions.support_year[firms].astype(int)
    frame = pd.DataFrame(
        {
            "orgnr": [f"16{number}" for number in world.orgnr[firms]],
            "year": year,
            "programme": rng.choice(np.array(catalogue()["supports"]["programmes"], dtype=object), size=firms.size),
            "amount": np.round(np.exp(rng.normal(4.6, 0.8, firms.size))).astype(int),
        }
    )
    alive = world.alive[firms, year - world.years[0]]
    kept: pd.DataFrame = frame[alive]
    return kept.sort_values(["year", "orgnr"], ignore_index=True)


def industry_table(key: IndustryKey) -> pd.DataFrame:
    """The key between code versions."""
    return pd.DataFrame({"sni2002": key.sni2002, "sni2007": key.sni2007, "share": key.share})


def bridge_table(last_year: int) -> pd.DataFrame:
    """What each code was expected to say, registered before the interviews were read – but for one late row."""
    rows = [
        {
            "code": entry.code,
            "claim": entry.claim,
            "test": f"T{number:02d}",
            "target": entry.target,
            **dict(zip(("p_benefit", "p_negligible", "p_harm"), entry.bridge, strict=True)),
            "group": entry.group,
            "registered": f"{last_year}-09-20" if entry.late else f"{last_year}-02-15",
        }
        for number, entry in enumerate((entry for entry in codes() if entry.claim), 1)
    ]
    return pd.DataFrame(rows)


def study_text(first_year: int, last_year: int, seed: int, survey: list[str]) -> str:
    """The plan with the years and file names of this study."""
    values = {"seed": seed, "first_year": first_year, "last_year": last_year, "base_year": min(2010, last_year)}
    text = resource("study.toml")
    for name, value in values.items():
        text = text.replace("{" + name + "}", str(value))
    return text.replace("{survey}", "[" + ", ".join(f'"{name}"' for name in survey) + "]")


def codebook_text(headers: dict[str, str]) -> str:
    """The codebook with the headers of the spreadsheet wave."""
    lines = ["[columns]", *(f'"{header}" = "{name}"' for header, name in headers.items())]
    return "\n".join(lines) + "\n\n" + resource("codebook.toml")


def hyphened(orgnr: int) -> str:
    """Organisation number as Swedes write it."""
    return f"{orgnr // 10000}-{orgnr % 10000:04d}"


def _member_row(world: World, programme: Programme, firm: int, rng: np.random.Generator) -> Row:
    joined = int(programme.joined[firm])
    left = programme.left[firm]
    day = f"{joined}-{rng.integers(1, 13):02d}-01"
    return {
        "organisation": identifiers(len(programme.roles))[programme.organisation[firm]],
        "firm": firm_name(rng),
        "orgnr": hyphened(int(world.orgnr[firm])),
        "joined": day if rng.random() < 0.1 else str(joined),
        "left": "" if np.isnan(left) else str(int(left)),
        "participation": "" if rng.random() < 0.05 else f"{programme.participation[firm]:.1f}",
        "_firm": firm,
        "_orgnr": int(world.orgnr[firm]),
        "_kind": "",
    }


def firm_name(rng: np.random.Generator) -> str:
    """An invented firm name."""
    names = catalogue()["names"]
    first, second, last = (str(rng.choice(np.array(names[part], dtype=object))) for part in ("first", "second", "last"))
    return f"{first}{second} {last} AB"


def _assign_dirt(members: Ints, programme: Programme, rng: np.random.Generator) -> dict[int, str]:
    """Choose the firms whose rows are spoiled, at least one of each kind."""
    n = max(1, round(members.size / 140))
    counts = {"duplicate_row": n, "wrong_check_digit": n, "missing_joined": n, "two_organisations": n + 1}
    counts |= {"ends_before_start": max(1, n // 2), "odd_format": 3 * n}
    order = rng.permutation(members)
    kinds = [kind for kind, count in counts.items() for _ in range(count)]
    alone = len(programme.roles) == 1
    pairs = zip(order, kinds, strict=False)
    return {int(firm): kind for firm, kind in pairs if not (alone and kind == "two_organisations")}


def _spoil(row: Row, kind: str, rng: np.random.Generator) -> None:
    row["_kind"] = kind
    if kind == "wrong_check_digit":
        row["orgnr"] = row["orgnr"][:-1] + str((int(row["orgnr"][-1]) + 5) % 10)
    elif kind == "missing_joined":
        row["joined"] = ""
    elif kind == "ends_before_start":
        row["left"] = str(int(row["joined"][:4]) - 2)
    elif kind == "odd_format":
        number = str(row["_orgnr"])
        odd = (number, f"16{number}", f"{number}.0", f"SE{number}01", f" {number[:6]} {number[6:]}")
        row["orgnr"] = odd[int(rng.integers(len(odd)))]


def _extra_rows(rows: list[Row], kinds: dict[int, str], programme: Programme, rng: np.random.Generator) -> list[Row]:
    """Rows that should not be there: repeats, second organisations, firms no register knows."""
    extra = [dict(row, _kind="duplicate_row") for row in rows if kinds.get(row["_firm"]) == "duplicate_row"]
    names = identifiers(len(programme.roles))
    for row in rows:
        if kinds.get(row["_firm"]) == "two_organisations":
            others = [name for name in names if name != row["organisation"]]
            later = str(int(row["joined"][:4]) + 2)
            extra.append(dict(row, organisation=others[int(rng.integers(len(others)))], joined=later, left=""))
    for number in organisation_numbers(max(1, round(len(rows) / 140)), rng, UNREGISTERED):
        template = rows[int(rng.integers(len(rows)))]
        unknown = {"firm": firm_name(rng), "orgnr": hyphened(int(number)), "_firm": -1, "_orgnr": int(number)}
        extra.append(dict(template, **unknown, left="", joined="2005", _kind="absent_from_accounts"))
    return extra


def _dirt_register(rows: list[Row]) -> dict[str, list[Row]]:
    register: dict[str, list[Row]] = {}
    for number, row in enumerate(rows):
        if row["_kind"]:
            entry = {
                "row": number,
                "organisation": row["organisation"],
                "orgnr": row["_orgnr"],
                "written": row["orgnr"],
            }
            register.setdefault(row["_kind"], []).append(entry)
    return register

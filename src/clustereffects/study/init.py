"""A first plan from the files that lie in a folder."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

import pandas as pd

from clustereffects.accounts import read_accounts, read_organisations
from clustereffects.data import read_table
from clustereffects.errors import ClusterEffectsError, FileError, Problem
from clustereffects.study._sections import TriangulationOptions

_TABLES = {".csv", ".txt", ".xlsx", ".parquet"}
_NEEDED = {
    "accounts": {"orgnr", "year", "sni", "net_turnover"},
    "organisations": {"organisation", "name", "county"},
    "members": {"organisation", "orgnr", "joined"},
    "deflator": {"year", "index"},
    "industry_key": {"sni2002", "sni2007"},
    "supports": {"orgnr", "year", "programme"},
    "survey_frame": {"orgnr", "wave", "asked"},
    "codings": {"source", "code", "coder"},
    "bridge": {"code", "claim", "test", "target"},
    "overrides": {"claim", "organisation", "by", "reason"},
}


# What a study may add, as a line of its plan.
_LATER = {
    "judgements": '"judgements.toml"  # ranges that several judges gave for the probabilities of the signs',
    "overrides": '"overrides.csv"     # what researchers concluded instead, with their reasons',
}

# What says nothing without another file.
_PARTNERS = {
    "survey": "codebook",
    "survey_frame": "codebook",
    "interviews": "bridge",
    "codings": "bridge",
}


def write_plan(folder: str | Path) -> tuple[Path, list[str]]:
    """Write a complete ``study.toml`` from the files found in a folder.

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    path : Path
        The plan that was written.
    notes : list of str
        Which file was taken for what, and what is missing.

    Raises
    ------
    FileError
        If the folder does not exist or has no accounts.

    Notes
    -----
    A plan that is there already is renamed, never overwritten.

    Examples
    --------
    >>> import tempfile
    >>> from clustereffects.datasets import simulate_region
    >>> with tempfile.TemporaryDirectory() as name:
    ...     simulate_region(name, rng=1).study.unlink()
    ...     path, notes = write_plan(name)
    >>> path.name, notes[0]
    ('study.toml', 'accounts: accounts.parquet')
    """
    folder = Path(folder)
    plan = folder / "study.toml"
    if not folder.is_dir():
        raise FileError(_problem("the folder does not exist", "a folder with the files of the study", folder.name))
    files = find_files(folder)
    if "accounts" not in files:
        raise FileError(_problem("no firm accounts were found", "a table with orgnr, year, sni …", folder.name))
    alone = [(role, partner) for role, partner in _PARTNERS.items() if role in files and partner not in files]
    files = {role: name for role, name in files.items() if role not in dict(alone)}
    notes = [f"{role}: {name if isinstance(name, str) else ', '.join(name)}" for role, name in files.items()]
    absent = [role for role in ("organisations", "members", "deflator", "theory") if role not in files]
    notes += [f"{role}: not found – the study needs it; add its name under [files]" for role in absent]
    notes += [f"{role}: left out, because no {partner} was found" for role, partner in alone]
    draft = plan.with_name("study.toml.new")
    draft.write_text(_text(files, _facts(folder, files)), encoding="utf-8")
    kept = _keep(plan)
    notes += [f"the plan that was there is kept as {kept.name}"] if kept else []
    draft.replace(plan)
    return plan, notes


def find_files(folder: Path) -> dict[str, str | list[str]]:
    """Files of a folder by their role, told by their columns.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    dict
        Role → file name; ``survey`` → list of names.

    Raises
    ------
    OSError
        If the folder cannot be listed.

    Examples
    --------
    >>> find_files(Path("no-such-folder"))
    {}
    """
    found: dict[str, str | list[str]] = {}
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    headers = {path.name: _columns(path) for path in paths if path.suffix.lower() in _TABLES}
    for role, needed in _NEEDED.items():
        name = _best(role, [name for name, columns in headers.items() if needed <= columns])
        if name:
            found[role] = name
    found |= _other_files(paths)
    taken = {name for name in found.values() if isinstance(name, str)}
    waves = [name for name, columns in headers.items() if name not in taken and _is_survey(name, columns)]
    if waves:
        found["survey"] = waves
    return found


def _keep(plan: Path) -> Path | None:
    """Rename a plan that is there already, to the first free name."""
    if not plan.exists():
        return None
    number = next(n for n in count(1) if not plan.with_name(f"study.old{n}.toml").exists())
    return plan.rename(plan.with_name(f"study.old{number}.toml"))


def _other_files(paths: list[Path]) -> dict[str, str | list[str]]:
    kinds: Mapping[str, Callable[[Path], bool]] = {
        "interviews": lambda path: path.suffix.lower() == ".qdpx",
        "codebook": lambda path: "scales" in _sections(path),
        "theory": lambda path: "claims" in _sections(path),
        "judgements": lambda path: "tests" in _sections(path),
    }
    return {
        role: path.name for role, fits in kinds.items() for path in reversed(paths) if path.is_file() and fits(path)
    }


def _sections(path: Path) -> set[str]:
    """Names at the top of a TOML file; none for other files and those that cannot be read."""
    if path.suffix.lower() != ".toml":
        return set()
    try:
        return set(tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except (OSError, ValueError):
        return set()


def _is_survey(name: str, columns: set[str]) -> bool:
    sounds = name.lower().startswith(("survey", "enkät", "enkat")) and bool(columns) and "asked" not in columns
    return {"respondent", "wave"} <= columns or sounds


def _best(role: str, names: list[str]) -> str | None:
    """The file whose name sounds like the role, else the first."""
    return next((name for name in names if role in name.lower()), names[0] if names else None)


def _columns(path: Path) -> set[str]:
    try:
        if path.suffix.lower() == ".parquet":
            import pyarrow.parquet as pq

            return {name.strip().casefold() for name in pq.read_schema(path).names}
        return {str(name).strip().casefold() for name in read_table(path).frame.columns}
    except (ClusterEffectsError, ValueError, OSError):
        return set()


def _facts(folder: Path, files: Mapping[str, str | list[str]]) -> dict[str, object]:
    """Years and counties, as far as the files tell."""
    facts: dict[str, object] = {}
    try:
        years: pd.Series = read_accounts(folder / str(files["accounts"])).frame["year"]
        facts = {"first_year": int(years.min()), "last_year": int(years.max())}
        if "organisations" in files:
            county = read_organisations(folder / str(files["organisations"])).county
            facts["counties"] = sorted(set(county.values()))
    except ClusterEffectsError:
        return facts
    return facts


def _text(files: Mapping[str, str | list[str]], facts: Mapping[str, object]) -> str:
    """Plan with every choice written out, so that none is made unseen."""
    named = "\n".join(f"{role} = {_toml(name)}" for role, name in files.items())
    named += "".join(f"\n# {role} = {line}" for role, line in _LATER.items() if role not in files)
    known = "\n".join(f"{key} = {_toml(value)}" for key, value in facts.items())
    last = facts.get("last_year")
    base = f"base_year = {last}\n" if last else ""
    engines = _toml(list(TriangulationOptions().engines))
    return _TEMPLATE.format(files=named, facts=known, base=base, engines=engines)


def _toml(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, int):
        return str(value)
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _problem(what: str, expected: str, file: str) -> Problem:
    return Problem(what=what, where="", expected=expected, remedy="name another folder", file=file)


_TEMPLATE = """\
# Every choice of the evaluation. Change what does not fit before you look at any result:
# the content hash of this plan is its registration, and a run prints it.

[study]
title = "Klusterutvärdering"
language = "sv"             # language of report.html: sv or en
languages = ["sv", "en"]    # further languages give report.en.html and so on
seed = 2013
{facts}

[files]
{files}

[outcomes]
names = ["value_added", "employees", "net_turnover", "productivity"]
scale = "log"
{base}required_return = 0.06      # rate of return in the competitiveness

[population]
legal_form = 49             # limited companies
minimum_pre_years = 2
treatment_year = "joined"
exclude_status = ["K"]      # profit and loss account reported by another company

[matching]
exact = ["industry_division", "size_class"]
nearest = ["value_added", "growth"]
lags = 3                    # years before joining whose development is matched
controls = 5
donor_pool = "other counties"
replace = true
method = "nearest"          # or optimal (least total distance), coarsened_exact, entropy (weights that balance means)
candidates = "not_yet_treated"  # firms that join much later may serve until then; or never_treated
# caliper = 0.5             # largest distance of a pair; members without a firm so near are left out and counted
# size_factor = 2           # a comparison firm has at most twice, and at least half, the employees
# reuse = 10                # most members that one comparison firm may serve
# support_window = [-3, 5]  # no comparison firms with other public support in these years around joining
# ladder = {{industry = [5, 4, 3, 2]}}  # the same industry, as narrow as firms suffice, member by member
# [[matching.rules]]        # further firms that the programme may have touched, counted in candidates.csv
# kind = "neighbours"       # flagged, shares or neighbours
# column = "county"
# neighbours = {{"17" = ["18", "20"]}}

[estimator]
kind = "matched_did"        # whose effects enter the triangulation: matched_did or group_time_did
base = "year before joining"
event_times = [-5, 5]
cluster = "organisation"    # level of the standard errors: organisation (where members join) or firm

[bias]                      # judgements, made before seeing the results
economic = "moderate"
survey = "favours the programme"
interviews = "some"

[triangulation]
prior = "provisional"       # or organisations: each one's prior is what the estimates of the others say
robust_weight = 0.2         # with organisations: weight of the provisional prior, should one be unlike the others
heterogeneity = 5.0         # with organisations: how unlike they may be, in multiples of the smallest effect of interest
engines = {engines}

[thresholds]
benefit = 0.9
harm = 0.9

[disclosure]
minimum_firms = 3           # the dominance rules are for totals in kronor, of which this version publishes none
dominance_top1 = 0.75
dominance_top2 = 0.85
"""

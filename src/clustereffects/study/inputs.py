"""Everything a study reads from files, and everything that is wrong with it, before anything is fitted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from clustereffects.accounts import (
    Accounts,
    AccountsOptions,
    Deflator,
    IndustryKey,
    LinkedMembers,
    Organisations,
    Supports,
    estimate_industry_key,
    link_members,
    read_accounts,
    read_deflator,
    read_industry_key,
    read_members,
    read_organisations,
    read_supports,
    unusable_organisations,
)
from clustereffects.data import read_table
from clustereffects.errors import ClusterEffectsError, PlanError, Problem
from clustereffects.interviews import Bridge, Codings, read_bridge, read_codings, read_refi_qda
from clustereffects.study.judgements import judged_bridge, read_judgements, read_overrides
from clustereffects.study.plan import Plan
from clustereffects.survey import Codebook, Responses, Survey, read_frame, read_responses
from clustereffects.triangulation import Override, Theory
from clustereffects.triangulation.elicitation import Elicitation

T = TypeVar("T")

#: Group of all members together, beside the organisations.
PROGRAMME = "programme"

_DEFAULTS = {"accounts.parquet", "organisations.csv", "members.csv", "deflator.csv", "theory.toml"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Inputs:
    """What the files of a study hold.

    Parameters
    ----------
    accounts, organisations, members, deflator, industry_key, supports
        The firms, their organisations, prices, industries and other support.
    theory : Theory
    survey : Survey, optional
    codings, bridge : optional
        Coded interviews and what their codes say about the claims, with the judges' ranges where there are any.
    judgements : Elicitation, optional
    overrides : tuple of Override
        What researchers judged instead of the computed verdicts.

    Raises
    ------
    PlanError
        From ``read_inputs``, with every problem of every file.

    Examples
    --------
    >>> "survey" in Inputs.__dataclass_fields__
    True
    """

    accounts: Accounts
    organisations: Organisations
    members: LinkedMembers
    deflator: Deflator
    industry_key: IndustryKey
    theory: Theory
    supports: Supports | None = None
    survey: Survey | None = None
    codings: Codings | None = None
    bridge: Bridge | None = None
    judgements: Elicitation | None = None
    overrides: tuple[Override, ...] = ()


@dataclass(slots=True)
class _Reader:
    """Reads one thing after the other and keeps a list of what is wrong."""

    problems: list[Problem] = field(default_factory=list)

    def read(self, action: Callable[[], T], file: str = "") -> T | None:
        """Result of an action, or None with its problems noted."""
        try:
            return action()
        except ClusterEffectsError as error:
            self.problems += error.problems or _bare(error)
        except Exception as error:  # noqa: BLE001 - whatever a foreign file does to its reader, the others are still read
            self.problems.append(_unforeseen(error, file))
        return None


def read_inputs(plan: Plan) -> Inputs:
    """Read all files of a study.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    Inputs

    Raises
    ------
    PlanError
        Lists every problem of every file at once.

    Examples
    --------
    >>> from pathlib import Path
    >>> read_inputs(Plan(folder=Path("no-such-folder")))
    Traceback (most recent call last):
    ...
    clustereffects.errors.PlanError: 5 problems: ...
    """
    inputs, problems = examine(plan)
    if inputs is None or problems:
        raise PlanError(problems)
    return inputs


def examine(plan: Plan) -> tuple[Inputs | None, list[Problem]]:
    """Read all files of a study and list what is wrong with them.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    inputs : Inputs or None
        None if a file without which nothing can be done is not usable.
    problems : list of Problem

    Raises
    ------
    OSError
        If a file disappears while it is read.

    Examples
    --------
    >>> from pathlib import Path
    >>> inputs, problems = examine(Plan(folder=Path("no-such-folder")))
    >>> inputs is None, problems[0].file
    (True, 'accounts.parquet')
    """
    reader = _Reader(_absent(plan))
    firms = _read_firms(plan, reader)
    theory = _read(plan, reader, plan.files.theory, Theory.from_toml)
    perspectives = _read_perspectives(plan, reader, theory, firms["organisations"])
    if theory is None or any(firms[name] is None for name in ("accounts", "organisations", "members", "deflator")):
        return None, reader.problems
    return Inputs(**firms, theory=theory, **perspectives), reader.problems


def file_hashes(plan: Plan) -> dict[str, str]:
    """SHA-256 of every file of a study, by name.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    dict of str to str

    Raises
    ------
    OSError
        If a file cannot be read.

    Examples
    --------
    >>> from pathlib import Path
    >>> file_hashes(Plan(folder=Path("no-such-folder")))
    {}
    """
    paths = {name: plan.path(name) for name in _named(plan)}
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in sorted(paths.items()) if path.is_file()
    }


def _named(plan: Plan) -> Iterator[str]:
    files = plan.files
    single = (files.accounts, files.organisations, files.members, files.deflator, files.industry_key, files.supports)
    others = (files.survey_frame, files.codebook, files.interviews, files.codings, files.bridge, files.theory)
    judged = (files.judgements, files.overrides)
    yield from (name for name in (*single, *files.survey, *others, *judged) if name)


def _absent(plan: Plan) -> list[Problem]:
    files = plan.files
    needed = {files.accounts, files.organisations, files.members, files.deflator, files.theory}
    return [
        Problem(
            what="the file is missing",
            where=f"[files] of {plan.name} names it" if name not in _DEFAULTS else f"looked for beside {plan.name}",
            expected="a file of that name beside the plan",
            remedy="correct the name under [files]"
            + ("; the study cannot do without it" if name in needed else ", or leave the line out"),
            file=name,
        )
        for name in _named(plan)
        if not plan.path(name).is_file()
    ]


def _read(plan: Plan, reader: _Reader, name: str | None, action: Callable[[Path], T]) -> T | None:
    if name is None or not plan.path(name).is_file():
        return None
    return reader.read(lambda: action(plan.path(name)), name)


def _read_firms(plan: Plan, reader: _Reader) -> dict[str, Any]:
    files = plan.files
    options = AccountsOptions(
        legal_form=plan.population.legal_form,
        status_without_result=plan.population.exclude_status,
        first_year=plan.study.first_year,
        last_year=plan.study.last_year,
    )
    accounts = _read(plan, reader, files.accounts, lambda path: read_accounts(path, options))
    organisations = _read(plan, reader, files.organisations, read_organisations)
    listed = _read(plan, reader, files.members, lambda path: read_members(path, organisations))
    key = _read(plan, reader, files.industry_key, read_industry_key)
    deflator = _read(plan, reader, files.deflator, read_deflator)
    if accounts is not None and deflator is not None:
        years = np.append(accounts.frame["year"].to_numpy(), plan.outcomes.base_year or [])
        reader.read(lambda: deflator.check_years(years))
    linked = None
    if listed is not None and accounts is not None:
        linked = reader.read(lambda: link_members(listed, accounts, organisations))
    if listed is not None:
        reader.problems += linked.problems if linked else unusable_organisations(listed, organisations)
    return {
        "accounts": accounts,
        "organisations": organisations,
        "members": linked,
        "deflator": deflator,
        "industry_key": _own_key(accounts) if key is None and accounts is not None else key,
        "supports": _read(plan, reader, files.supports, read_supports),
    }


def _own_key(accounts: Accounts) -> IndustryKey:
    """Industry key from the firms themselves, for a study that has none."""
    frame = accounts.frame
    return estimate_industry_key(frame["firm"].to_numpy(), frame["year"].to_numpy(), frame["sni"])


def _read_perspectives(
    plan: Plan, reader: _Reader, theory: Theory | None, organisations: Organisations | None
) -> dict[str, Any]:
    files = plan.files
    codebook = _read(plan, reader, files.codebook, Codebook.from_toml)
    answers, survey = (None, None) if codebook is None else _survey(plan, reader, codebook)
    claims = [claim.id for claim in theory.claims] if theory else None
    rivals = [rival.id for rival in theory.rivals] if theory else None
    bridge = _read(plan, reader, files.bridge, lambda path: read_bridge(path, claims=claims, rivals=rivals))
    judgements = _read(plan, reader, files.judgements, lambda path: read_judgements(path, theory))
    if judgements is not None and (bridge is not None or files.bridge is None):
        bridge = reader.read(lambda: judged_bridge(bridge, judgements))
    groups = (*organisations.ids, PROGRAMME) if organisations is not None else ()
    overrides = _read(plan, reader, files.overrides, lambda path: read_overrides(path, claims or (), groups)) or ()
    codings = _codings(plan, reader)
    if theory is not None and codebook is not None:
        reader.problems += _unknown_scales(plan, theory, codebook)
    if organisations is not None:
        spoken = {", ".join(files.survey): answers, files.codings or files.interviews or "": codings}
        found = {file: set(part.organisations) for file, part in spoken.items() if part is not None}
        reader.problems += _strangers(plan, set(organisations.ids), found)
    judged = {"judgements": judgements, "overrides": overrides}
    return {"survey": survey, "bridge": bridge, "codings": codings, **judged}


def _survey(plan: Plan, reader: _Reader, codebook: Codebook) -> tuple[Responses | None, Survey | None]:
    """Answers of the waves that can be read, and the survey if all of them can."""
    read = [_read(plan, reader, name, read_table) for name in plan.files.survey]
    tables = [table for table in read if table is not None]
    answers = reader.read(lambda: read_responses(tables, codebook)) if tables else None
    frame = _read(plan, reader, plan.files.survey_frame, lambda path: read_frame(path, codebook))
    if answers is None or len(tables) < len(read):
        return answers, None
    return answers, reader.read(lambda: Survey(answers, codebook=codebook, frame=frame))


def _codings(plan: Plan, reader: _Reader) -> Codings | None:
    project = _read(plan, reader, plan.files.interviews, read_refi_qda)
    table = _read(plan, reader, plan.files.codings, read_codings)
    if project is None or table is None:
        return table if project is None else project
    return reader.read(lambda: project.merge(table))


def _unknown_scales(plan: Plan, theory: Theory, codebook: Codebook) -> list[Problem]:
    """Claims that are to be read off a scale which the codebook does not have."""
    return [
        Problem(
            what=f"claim {claim.id!r} is asked about on the scale {claim.survey_scale!r}, which is not in the codebook",
            where=f"survey_scale of [claims.{claim.id}]",
            expected="one of " + ", ".join(codebook.scale_names),
            remedy="correct the name, or leave survey_scale out if nothing was asked about the claim",
            file=plan.files.theory,
        )
        for claim in theory.claims
        if claim.survey_scale and claim.survey_scale not in codebook.scale_names
    ]


def _strangers(plan: Plan, known: set[str], spoken: Mapping[str, set[str]]) -> list[Problem]:
    """Organisations that a perspective speaks of but the list of organisations does not have."""
    return [
        Problem(
            what=f"organisation {name!r} is not among the organisations",
            where=f"column 'organisation' of {plan.files.organisations}: {', '.join(sorted(known))}",
            expected="an organisation of that list, or empty for a non-member",
            remedy="add it to the list or correct the name",
            file=file,
        )
        for file, names in spoken.items()
        for name in sorted(names - known)
    ]


def _unforeseen(error: Exception, file: str) -> Problem:
    return Problem(
        what="the file cannot be used",
        where=f"{type(error).__name__}: {error}".splitlines()[0][:200],
        expected="a file as the guide to the files of a study describes it",
        remedy="open it in the program it comes from and save it again; if that does not help, report this message",
        file=file,
    )


def _bare(error: ClusterEffectsError) -> list[Problem]:
    return [Problem(what=str(error), where="", expected="", remedy="")]

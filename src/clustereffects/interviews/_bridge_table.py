"""What can be wrong with the rows of a bridge as a whole, and with a row against its theory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from clustereffects.errors import Problem

if TYPE_CHECKING:
    from clustereffects.interviews.bridge import BridgeRow

_SAME = ("code", "claim", "target")


def outside(row: BridgeRow, claims: Collection[str] | None, rivals: Collection[str] | None) -> list[Problem]:
    """Claim and rival of a row that the theory does not have."""
    problems = []
    if claims is not None and row.claim not in claims:
        problems.append(row_problem(f"claim {row.claim!r} is not in the theory", "one of " + ", ".join(sorted(claims))))
    kind, _, rival = row.target.partition(":")
    if rivals is not None and kind == "rival" and rival not in rivals:
        problems.append(row_problem(f"rival {rival!r} is not in the theory", "one of " + ", ".join(sorted(rivals))))
    return problems


def table_problems(rows: Sequence[BridgeRow], name: str) -> list[Problem]:
    """Rows that cannot stand beside each other."""
    tests = {row.test: row for row in rows}
    wrong = [row for row in rows if row.suggested_by and not _suggestible(row, tests)]
    return [
        *_repeated(rows, name, ("test",)),
        *_repeated(rows, name, _SAME),
        *(
            Problem(
                what=f"test {row.test!r} was suggested by {row.suggested_by!r}",
                where=f"{row.claim}, {row.target}",
                expected="another test on the same claim and target, without a circle",
                remedy="correct suggested_by, or leave it empty",
                file=name,
            )
            for row in wrong
        ),
    ]


def _suggestible(row: BridgeRow, tests: Mapping[str, BridgeRow]) -> bool:
    """Whether the tests that one after the other suggested this one exist, speak to the same, and begin somewhere."""
    seen, name = {row.test}, row.suggested_by
    while name:
        other = tests.get(name)
        if other is None or name in seen or (other.claim, other.target) != (row.claim, row.target):
            return False
        seen.add(name)
        name = other.suggested_by
    return True


def _repeated(rows: Sequence[BridgeRow], name: str, fields: tuple[str, ...]) -> list[Problem]:
    keys = [tuple(getattr(row, field) for field in fields) for row in rows]
    what = ", ".join(fields)
    return [
        Problem(
            what=f"{what} occurs twice: {', '.join(key)}",
            where=f"{keys.count(key)} rows",
            expected=f"every {what} once",
            remedy="merge the rows or give each its own test",
            file=name,
        )
        for key in dict.fromkeys(keys)
        if keys.count(key) > 1
    ]


def row_problem(what: str, expected: str) -> Problem:
    """Something in one row that cannot be."""
    return Problem(what=what, where="", expected=expected, remedy="correct the bridge")

"""Small regions on disk for the tests of studies, and the ways in which a test spoils them."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from clustereffects.datasets import RegionOptions, simulate_region

SMALL = RegionOptions(n_firms=1500, n_organisations=5, n_members=120, n_interviews=20)


def write_region(folder: Path) -> None:
    """A small region with a plan that runs fast: two outcomes, one language."""
    simulate_region(folder, SMALL, rng=3)
    edit(folder / "study.toml", 'names = ["value_added", "employees", "net_turnover", "productivity"]', FEW_OUTCOMES)
    edit(folder / "study.toml", 'languages = ["sv", "en"]', "languages = []")


FEW_OUTCOMES = 'names = ["value_added", "employees"]'


def edit(path: Path, old: str, new: str) -> None:
    """Replace text that occurs exactly once."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {path.name}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def leave_out(plan: Path, *keys: str) -> None:
    """Lines of a plan that name these files go."""
    head, files, rest = re.split(r"(?<=\[files\]\n)(.*?)(?=\n\n)", plan.read_text(encoding="utf-8"), flags=re.DOTALL)
    lines = files.splitlines()
    kept = [line for line in lines if line.split(" = ")[0] not in keys]
    assert len(kept) == len(lines) - len(keys)
    plan.write_text(head + "\n".join(kept) + rest, encoding="utf-8")


def firms_only(plan: Path) -> None:
    """A plan without survey and interviews."""
    leave_out(plan, "survey", "survey_frame", "codebook", "interviews", "codings", "bridge")


def lines_of(path: Path) -> list[str]:
    """Lines of a CSV file, the header first."""
    return path.read_text(encoding="utf-8-sig").splitlines()


def write_lines(path: Path, lines: list[str]) -> None:
    """Lines back to a CSV file."""
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def set_cell(path: Path, row: int, column: str, value: str, separator: str = ";") -> None:
    """One cell of a CSV file, in the row that a spreadsheet shows."""
    lines = lines_of(path)
    cells = lines[row - 1].split(separator)
    cells[lines[0].split(separator).index(column)] = value
    lines[row - 1] = separator.join(cells)
    write_lines(path, lines)


def change_accounts(folder: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Accounts after a change."""
    change(pd.read_parquet(folder / "accounts.parquet")).to_parquet(folder / "accounts.parquet", index=False)


def rezip(path: Path, change: Callable[[str, bytes], tuple[str, bytes]]) -> None:
    """Archive with every member changed."""
    with zipfile.ZipFile(path) as old:
        members = [change(name, old.read(name)) for name in old.namelist()]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in members:
            new.writestr(name, content)
    path.write_bytes(buffer.getvalue())

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


# What somebody who means harm, or types carelessly, may write into the files of a region.
HOSTILE_NAMES = {
    "K01": "<script>alert('K01')</script>",
    "K02": '=HYPERLINK("http://example.org";"K02")',
    "K03": r"$\frac{1}{2$ & x",
    "K04": "{{ 7 * 7 }} {title} %s",
    "K05": "集群 🚀 \u202ecod \x07" + "och så vidare " * 15,
}
PERSON = "Anna Ek Bruk AB"
HOSTILE_TITLE = "<img src=x onerror=alert(1)> {subtitle}"


def make_hostile(folder: Path) -> None:
    """Names, labels, titles, codes and headers that are markup, formulas or templates somewhere."""
    path = folder / "organisations.csv"
    lines = [line.split(",") for line in lines_of(path)]
    quoted = {name: '"' + text.replace('"', '""') + '"' for name, text in HOSTILE_NAMES.items()}
    write_lines(path, [",".join([cells[0], quoted.get(cells[0], cells[1]), *cells[2:]]) for cells in lines])
    for name in ("organisations.csv", "members.csv", "survey_2011.csv", "survey_2013.csv", "survey_frame.csv"):
        replace_everywhere(folder / name, "K02", "=K02")
    for name in ("interviews.qdpx", "survey_2012.xlsx"):
        rezip(folder / name, lambda member, content: (member, content.replace(b">K02<", b">=K02<")))
    replace_everywhere(folder / "codings.csv", ",K02,", ",=K02,")
    for name in ("codings.csv", "bridge.csv"):
        replace_everywhere(folder / name, "M_KUND", "<u>M_KUND")
    rezip(folder / "interviews.qdpx", lambda member, text: (member, text.replace(b"M_KUND", b"&lt;u&gt;M_KUND")))
    replace_everywhere(folder / "codings.csv", "Samtal_006_K02", PERSON)
    rezip(folder / "interviews.qdpx", lambda member, text: (member, text.replace(b"Samtal_006_K02", PERSON.encode())))
    replace_everywhere(folder / "survey_2011.csv", ";q1;", ";@SUM(1)<q1>;q1;")
    lines = lines_of(folder / "survey_2011.csv")
    place = lines[0].split(";").index("@SUM(1)<q1>")
    spread = [line.split(";") for line in lines[1:]]
    write_lines(folder / "survey_2011.csv", [lines[0], *(";".join([*c[:place], "1", *c[place:]]) for c in spread)])
    edit(
        folder / "theory.toml",
        "[claims.value_added_growth]\n",
        f'[claims.value_added_growth]\nen = "<b>Growth</b>{" and so on" * 20}"\n',
    )
    title = 'title = "Klusterutvärdering av en simulerad region"'
    edit(folder / "study.toml", title, f'title = "{HOSTILE_TITLE}"\nregistered = "<s>0</s>"')


def replace_everywhere(path: Path, old: str, new: str) -> None:
    """Replace text wherever it occurs in a file."""
    text = path.read_text(encoding="utf-8-sig")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")

"""A report is written whole or not at all, and an older one stays until the new one is complete."""

import dataclasses
import re
from pathlib import Path

import pandas as pd
import pytest

from clustereffects.study import Report
from clustereffects.study import report as module


@pytest.fixture
def report(plain) -> Report:
    """A report whose page is quick to draw."""
    return dataclasses.replace(plain.report, languages=("en",))


@pytest.fixture(autouse=True)
def quick_page(monkeypatch):
    monkeypatch.setattr(Report, "html", lambda _report, language=None: f"<html>{language}</html>")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def older(folder: Path) -> dict[str, bytes]:
    """A report of an earlier run, a part that a new one does not have, and a file of the user's own."""
    (folder / "tables").mkdir(parents=True)
    names = ("report.html", "report.sv.html", "results.json", "tables/effects.csv", "tables/survey.csv")
    for name in (*names, "notes.txt", "tables/mine.csv"):
        (folder / name).write_text(f"old {name}", encoding="utf-8")
    return contents(folder)


def test_folders_are_made(report, tmp_path):
    out = report.save(tmp_path / "a" / "b")
    assert {"report.html", "results.json", "provenance.json"} <= set(contents(out))
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert [path.name for path in out.parent.iterdir()] == ["b"]


def test_a_relative_folder(report, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert (report.save("out") / "report.html").is_file()
    assert (report.save(".") / "report.html").is_file()


def test_an_older_report_is_replaced_as_a_whole(report, tmp_path):
    before = older(tmp_path)
    files = {name: table for name, table in report.files.items() if name != "survey"}
    dataclasses.replace(report, files=files).save(tmp_path)
    after = contents(tmp_path)
    assert {name for name, content in after.items() if before.get(name) == content} == {"notes.txt", "tables/mine.csv"}
    assert not {"report.sv.html", "tables/survey.csv"} & set(after)


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, OSError])
@pytest.mark.parametrize("step", ["write_csv", "_write_json", "render"])
def test_an_interruption_while_writing(report, tmp_path, monkeypatch, step, error):
    def fail(*_arguments):
        raise error

    if step == "render":
        monkeypatch.setattr(Report, "html", fail)
    else:
        monkeypatch.setattr(module, step, fail)
    before = older(tmp_path / "out")
    for name in ("out", "new", "deep/new"):
        with pytest.raises(error):
            report.save(tmp_path / name)
    assert contents(tmp_path / "out") == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("stop", range(0, 16, 3))
def test_an_interruption_while_replacing(report, tmp_path, monkeypatch, stop):
    before = older(tmp_path)
    moves, move = [], module._move

    def interrupted(path, target):
        if len(moves) == stop:
            moves.append("interrupted")
            raise KeyboardInterrupt
        moves.append(path)
        move(path, target)

    monkeypatch.setattr(module, "_move", interrupted)
    with pytest.raises(KeyboardInterrupt):
        report.save(tmp_path)
    assert contents(tmp_path) == before


def test_something_of_the_users_in_the_way(report, tmp_path):
    before = older(tmp_path)
    (tmp_path / "provenance.json").mkdir()
    with pytest.raises(OSError, match="provenance"):
        report.save(tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["file.txt", "file.txt/out"])
def test_a_file_in_place_of_the_folder(report, tmp_path, name):
    (tmp_path / "file.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(NotADirectoryError, match=re.escape("not a folder")):
        report.save(tmp_path / name)
    assert contents(tmp_path) == {"file.txt": b"mine"}


def test_json_has_no_nan(report, tmp_path):
    table = pd.DataFrame({"a": [float("nan"), float("inf"), 1.5], "b": [pd.NA, pd.NaT, "x"]})
    content = dataclasses.replace(report.content, tables={**report.content.tables, "odd": table})
    out = dataclasses.replace(report, content=content).save(tmp_path / "out")
    text = (out / "results.json").read_text(encoding="utf-8")
    assert not re.search(r"\b(NaN|Infinity|NaT|<NA>)\b", text)

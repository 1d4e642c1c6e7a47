"""Runs that several tests look at; each is made once."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from clustereffects.study import Study
from support.regions import edit, lines_of, make_hostile, write_lines


def finished(folder: Path) -> SimpleNamespace:
    """Run a study and save its report beside it."""
    report = Study.from_toml(folder / "study.toml").run(progress=False)
    return SimpleNamespace(folder=folder, report=report, out=report.save(folder.parent / "out"))


@pytest.fixture(scope="session")
def plain(pristine, tmp_path_factory) -> SimpleNamespace:
    """The small region as it is."""
    return finished(Path(shutil.copytree(pristine, tmp_path_factory.mktemp("plain") / "region")))


@pytest.fixture(scope="session")
def hostile(pristine, tmp_path_factory) -> SimpleNamespace:
    """A region whose names are markup, formulas and templates, in both languages."""
    folder = Path(shutil.copytree(pristine, tmp_path_factory.mktemp("hostile") / "region"))
    make_hostile(folder)
    edit(folder / "study.toml", "languages = []", 'languages = ["en"]')
    return finished(folder)


def thin_out(folder: Path, plain: SimpleNamespace, kept: dict[str, int]) -> None:
    """Leave so many of the members that can be evaluated in some organisations, and all in the others."""
    firms = plain.report.results.firms.match.pairs()["treated"].drop_duplicates()
    linked = plain.report.results.inputs.members.firms.set_index("firm")
    linked = linked.loc[linked.index.isin(firms)]
    rows = {name: set(linked[linked["organisation"] == name]["row"].head(n)) for name, n in kept.items()}
    lines = lines_of(folder / "members.csv")
    write_lines(
        folder / "members.csv",
        [
            line
            for row, line in enumerate(lines, 1)
            if line.split(";")[0] not in kept or row in rows[line.split(";")[0]]
        ],
    )


@pytest.fixture(scope="session")
def thin(pristine, plain, tmp_path_factory) -> SimpleNamespace:
    """Two organisations with one evaluable member each."""
    folder = Path(shutil.copytree(pristine, tmp_path_factory.mktemp("thin") / "region"))
    thin_out(folder, plain, {"K01": 1, "K02": 1})
    return finished(folder)

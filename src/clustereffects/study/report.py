"""The report of a study: what was found, and how it is written to a folder, whole or not at all."""

from __future__ import annotations

import errno
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from clustereffects.reporting import LANGUAGES, Content, build_document, headline, render, truth_line, write_csv
from clustereffects.study.content import FILES, Results

_TABLES = (*FILES, "diagnostics", "intake")
_REPORT = (
    *(Path("tables") / f"{name}.csv" for name in _TABLES),
    *(Path(f"report.{language}.html") for language in LANGUAGES),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Report:
    """What a run found, ready to be saved.

    Parameters
    ----------
    content : Content
        What the page shows.
    files : mapping of str to DataFrame
        Tables that are written as CSV, by name.
    languages : tuple of str
        The first one is that of ``report.html``.
    results : Results
        Everything that the run computed, for use in Python: ``firms``, ``data``, ``findings``, ``inputs`` and so on.

    Raises
    ------
    OSError
        From ``save``, if the folder cannot be written.

    Examples
    --------
    >>> sorted(Report.__dataclass_fields__)
    ['content', 'files', 'languages', 'results']
    """

    content: Content
    files: Mapping[str, pd.DataFrame]
    languages: tuple[str, ...]
    results: Results = field(repr=False)

    def headline(self) -> str:
        """The answer in one sentence."""
        return headline(self.content, self.languages[0])

    def truth(self) -> str:
        """The true figure in one sentence, where the region was simulated."""
        return truth_line(self.content, self.languages[0])

    def html(self, language: str | None = None) -> str:
        """The report as one self-contained page."""
        return render(build_document(self.content, language or self.languages[0]))

    def save(self, folder: str | Path) -> Path:
        """Write the report into a folder: everything, or nothing if something fails on the way.

        The report of an earlier run goes, also the parts of it that this run does not have; other files are left alone.
        """
        folder = Path(folder).absolute()
        place = folder if folder.exists() else next(parent for parent in folder.parents if parent.exists())
        if not place.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(place))
        with tempfile.TemporaryDirectory(dir=place, prefix=".clustereffects-") as temporary:
            draft = Path(temporary) / "report"
            self._write(draft)
            if folder.exists():
                _replace(draft, folder, Path(temporary) / "before")
            else:
                folder.parent.mkdir(parents=True, exist_ok=True)
                draft.rename(folder)
        return folder

    def _write(self, folder: Path) -> None:
        (folder / "tables").mkdir(parents=True)
        for name, table in self.files.items():
            write_csv(table, folder / "tables" / f"{name}.csv")
        for number, language in enumerate(self.languages):
            name = "report.html" if number == 0 else f"report.{language}.html"
            (folder / name).write_text(self.html(language), encoding="utf-8")
        _write_json(folder / "results.json", self.to_dict())
        _write_json(folder / "provenance.json", dict(self.content.provenance))

    def to_dict(self) -> dict[str, Any]:
        """Everything in the report as plain data."""
        content = self.content
        return {
            "title": content.title,
            "headline": {language: headline(content, language) for language in self.languages},
            "tables": {name: table.to_dict("records") for name, table in sorted(content.tables.items())},
            "sentences": {language: list(items) for language, items in content.sentences.items()},
            "checks": [
                {"area": area, **{slot: getattr(check, slot) for slot in check.__dataclass_fields__}}
                for area, check in content.checks
            ],
            "counts": dict(content.counts),
            "truth": dict(content.truth),
        }


def _replace(draft: Path, folder: Path, before: Path) -> None:
    """Move a new report to where an older one may be; if that is interrupted, put the older one back."""
    new = [path.relative_to(draft) for path in sorted(draft.rglob("*")) if path.is_file()]
    old = [name for name in dict.fromkeys([*new, *_REPORT]) if (folder / name).is_file()]
    try:
        for name in old:
            _move(folder / name, before / name)
        for name in new:
            _move(draft / name, folder / name)
    except BaseException:
        for name in new:
            if not (draft / name).exists():
                (folder / name).unlink(missing_ok=True)
        for name in old:
            if (before / name).exists():
                _move(before / name, folder / name)
        raise


def _move(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    path.replace(target)


def _write_json(path: Path, data: Mapping[str, Any]) -> None:
    text = json.dumps(_jsonable(data), ensure_ascii=False, indent=1, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def _jsonable(value: Any) -> Any:
    """Value as JSON has it: no NaN, no NumPy scalars."""
    if isinstance(value, Mapping):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if value is pd.NA or value is pd.NaT or (isinstance(value, float) and not np.isfinite(value)):
        return None
    return value

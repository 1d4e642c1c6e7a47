"""Every example in a docstring, in the README, in the documentation and in examples/ runs as it stands."""

import doctest
import importlib
import pkgutil
import re
import runpy
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

import clustereffects

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(m.name for m in pkgutil.walk_packages(clustereffects.__path__, "clustereffects."))
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
SCRIPTS = sorted(ROOT.glob("examples/*.py"))
SHOWN = re.compile(r"^```text\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_run(name):
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL)
    assert result.failed == 0


def test_modules_and_pages_are_found():
    assert len(MODULES) > 60
    assert len(PAGES) > 10


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_pages_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    if blocks:
        source = "\n".join(blocks)
        exec(compile(source, str(page), "exec"), {"__name__": "page"})  # noqa: S102  (our own pages)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_run_and_say_what_they_found(script, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(script), run_name="__main__")
    assert capsys.readouterr().out.strip()


def test_the_tutorial_on_triangulation_shows_what_its_script_prints(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(ROOT / "examples" / "triangulation.py"), run_name="__main__")
    printed = "\n".join(line.rstrip() for line in capsys.readouterr().out.splitlines())
    page = (ROOT / "docs" / "tutorials" / "triangulation.md").read_text(encoding="utf-8")
    shown = [*SHOWN.findall(page), *re.findall(r"^> (.+)$", page, re.MULTILINE)]
    assert len(shown) > 8
    assert [part for part in shown if part.strip() not in printed] == []

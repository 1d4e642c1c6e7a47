"""The house is as ARCHITECTURE.md says: budgets, docstrings, names, layers."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import clustereffects

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "clustereffects"
FILES = sorted(SRC.rglob("*.py"))
HEAVY = ("pymc", "pytensor", "arviz", "statsmodels", "linearmodels", "matplotlib", "scipy.stats", "formulaic")


def _functions():
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                doc = ast.get_docstring(node, clean=False)
                length = node.end_lineno - node.lineno + 1 - (len(doc.splitlines()) if doc else 0)
                yield length, f"{path.relative_to(SRC)}:{node.lineno} {node.name}"


def test_functions_are_short():
    lengths = sorted(_functions())
    assert lengths[len(lengths) // 2][0] <= 10
    assert lengths[int(0.95 * (len(lengths) - 1))][0] <= 40
    assert [name for length, name in lengths if length > 60] == []


def test_files_are_short():
    assert [str(p.relative_to(SRC)) for p in FILES if len(p.read_text(encoding="utf-8").splitlines()) > 400] == []


def _imports():
    """Modules that each module imports when it is loaded."""
    graph = {}
    for path in FILES:
        module = ".".join(path.relative_to(SRC.parent).with_suffix("").parts).removesuffix(".__init__")
        found = graph.setdefault(module, set())
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom):
                found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            elif isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
    return {module: {name for name in found if name in graph and name != module} for module, found in graph.items()}


def test_no_module_imports_itself_through_others():
    graph = _imports()
    for start in graph:
        seen, stack = set(), list(graph[start])
        while stack:
            module = stack.pop()
            if module not in seen:
                seen.add(module)
                stack.extend(graph[module])
        assert start not in seen


def _public_definitions():
    for path in FILES:
        if path.name.startswith("_"):
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                yield f"{path.relative_to(SRC)}:{node.lineno} {node.name}", ast.get_docstring(node) or ""


def test_public_definitions_have_full_docstrings():
    thin = []
    for name, doc in _public_definitions():
        if not ("Raises" in doc and ">>>" in doc):
            thin.append(name)
    assert thin == []


def test_every_layer_is_described_in_architecture_md():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    folders = {path.name for path in SRC.iterdir() if path.is_dir() and path.name != "__pycache__"}
    described = set(re.findall(r"^\| `(\w+)/` \|", text, flags=re.MULTILINE))
    assert described == folders


@pytest.mark.parametrize("folder", sorted(p.name for p in SRC.iterdir() if p.is_dir() and p.name != "__pycache__"))
def test_every_module_is_listed_in_architecture_md(folder):
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    row = re.search(rf"^\| `{folder}/` \|.*$", text, flags=re.MULTILINE).group(0)
    listed = set(re.findall(r"`(\w+\.py)`", row))
    there = {path.name for path in (SRC / folder).glob("*.py") if not path.name.startswith("_")}
    assert listed == there


def test_importing_loads_nothing_heavy():
    code = f"import sys, clustereffects as ce; ce.Panel, ce.Effects;print([m for m in {HEAVY!r} if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"


def test_public_names_load_and_are_few():
    assert len(clustereffects.__all__) <= 40
    for name in clustereffects.__all__:
        assert getattr(clustereffects, name) is not None
    assert set(clustereffects.__all__) <= set(dir(clustereffects))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = clustereffects.nothing


def test_no_open_ends_in_the_source():
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    assert [str(p) for p in FILES if marks.search(p.read_text(encoding="utf-8"))] == []


def test_every_estimator_has_a_method_card():
    cards = {path.stem for path in (ROOT / "docs" / "methods").glob("*.md")}
    assert {
        "group-time-did",
        "matched-did",
        "matching",
        "hierarchical-effects",
        "two-way-fixed-effects",
        "triangulation",
    } <= cards

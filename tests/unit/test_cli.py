"""The command line as a region uses it: what it says, where it says it, and its exit codes."""

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from clustereffects import __version__, cli
from clustereffects.errors import EstimationError
from clustereffects.study import Study
from support.regions import edit


@pytest.fixture
def said(capsys):
    """Run a command and collect exit code, standard output and standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = cli.main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def fail_with(error: BaseException):
    def fail(*_arguments, **_options):
        raise error

    return fail


@pytest.mark.parametrize("arguments", [[], ["frobnicate"], ["run", "study.toml"], ["check"], ["check", "a", "b"]])
def test_wrong_usage_is_2(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == cli.USAGE == 2
    captured = capsys.readouterr()
    assert "usage: clustereffects" in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(("option", "words"), [("--help", "check"), ("--version", f"clustereffects {__version__}")])
def test_help_and_version_are_0(option, words, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main([option])
    assert stopped.value.code == cli.DONE
    assert words in capsys.readouterr().out


def test_check_of_a_good_study_is_0(pristine, said):
    assert said("check", pristine / "study.toml") == (0, "No problems found.\n", "")


def test_check_lists_plan_and_files_and_is_1(region, said):
    edit(region / "study.toml", "controls = 5", "contrls = 5")
    (region / "supports.csv").unlink()
    (region / "interviews.qdpx").write_bytes(b"no archive")
    code, out, err = said("check", region / "study.toml")
    assert code == cli.FINDINGS == 1
    assert err == ""
    lines = out.splitlines()
    assert lines[0] == "3 problems:"
    assert lines[1].startswith("  1. study.toml: unknown key 'contrls' in [matching]")
    assert lines[2].startswith("  2. supports.csv: the file is missing")
    assert lines[3].startswith("  3. interviews.qdpx: the file cannot be opened as a REFI-QDA project")
    assert len(lines) == 4


def test_check_of_one_problem_says_so(region, said):
    (region / "supports.csv").unlink()
    assert said("check", region / "study.toml")[1].startswith("1 problem:\n  1. supports.csv")


def test_check_of_a_plan_that_is_not_there_is_1(tmp_path, said):
    code, out, err = said("check", tmp_path / "study.toml")
    assert (code, err) == (1, "")
    assert "study.toml: the plan cannot be read" in out


def test_run_of_a_broken_study_is_3_and_writes_nothing(region, tmp_path, said):
    edit(region / "study.toml", "controls = 5", "contrls = 5")
    (region / "supports.csv").unlink()
    code, out, err = said("run", region / "study.toml", "--out", tmp_path / "out")
    assert code == cli.CANNOT_RUN == 3
    assert out == ""
    assert "2 problems:" in err
    assert "unknown key 'contrls'" in err
    assert "supports.csv: the file is missing" in err
    assert [path.name for path in tmp_path.iterdir()] == ["region"]


def test_run_of_a_study_with_broken_files_is_3(region, tmp_path, said):
    (region / "supports.csv").unlink()
    code, out, err = said("run", region / "study.toml", "--out", tmp_path / "out")
    assert (code, out) == (3, "")
    assert err.startswith("supports.csv: the file is missing")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (EstimationError("no member has a control firm"), "no member has a control firm\n"),
        (KeyboardInterrupt(), "stopped; nothing was written\n"),
        (ZeroDivisionError("division by zero"), "unforeseen ZeroDivisionError: division by zero – nothing was written"),
        (PermissionError(13, "Permission denied", "x.csv"), "x.csv: Permission denied – check the path"),
        (OSError("the disk is gone"), "file: OSError – check the path"),
        (MemoryError(), "unforeseen MemoryError"),
    ],
)
def test_no_traceback_reaches_a_user(pristine, tmp_path, said, monkeypatch, error, words):
    monkeypatch.setattr(Study, "run", fail_with(error))
    code, out, err = said("run", pristine / "study.toml", "--out", tmp_path / "out")
    assert (code, out) == (3, "")
    assert err.startswith(words)
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_traceback_for_whoever_asks(pristine, tmp_path, monkeypatch):
    monkeypatch.setattr(Study, "run", fail_with(ZeroDivisionError("division by zero")))
    with pytest.raises(ZeroDivisionError):
        cli.main(["--traceback", "run", str(pristine / "study.toml"), "--out", str(tmp_path / "out")])


@pytest.mark.parametrize("command", ["run", "demo"])
@pytest.mark.parametrize("name", ["file.txt", "file.txt/out"])
def test_a_file_in_place_of_the_folder_is_said_before_anything_is_computed(
    pristine, tmp_path, said, monkeypatch, command, name
):
    monkeypatch.setattr(Study, "run", fail_with(AssertionError("computed")))
    (tmp_path / "file.txt").write_text("mine", encoding="utf-8")
    arguments = ["run", pristine / "study.toml"] if command == "run" else ["demo"]
    code, _, err = said(*arguments, "--out", tmp_path / name)
    assert code == 3
    assert "file.txt: not a folder – check the path" in err
    assert (tmp_path / "file.txt").read_text(encoding="utf-8") == "mine"


def test_a_folder_that_may_not_be_written_to(pristine, tmp_path, said, monkeypatch):
    monkeypatch.setattr(Study, "run", fail_with(AssertionError("computed")))
    monkeypatch.setattr(os, "access", lambda *_arguments: False)
    code, _, err = said("run", pristine / "study.toml", "--out", tmp_path / "out")
    assert code == 3
    assert err == f"{tmp_path}: may not be written to – check the path and whether it may be written to\n"


def test_a_console_without_the_characters(region, monkeypatch):
    (region / "supports.csv").unlink()
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    assert cli.main(["check", str(region / "study.toml")]) == 1
    stream.flush()
    assert b"supports.csv: the file is missing ? [files]" in stream.buffer.getvalue()


def test_init_is_0_and_its_plan_passes_check(region, said):
    (region / "study.toml").unlink()
    code, out, err = said("init", region)
    assert (code, err) == (0, "")
    assert "accounts: accounts.parquet" in out
    assert f"clustereffects check {region / 'study.toml'}" in out
    assert said("check", region / "study.toml")[0] == 0


@pytest.mark.parametrize("make", [False, True])
def test_init_without_files_is_3(tmp_path, said, make):
    folder = tmp_path / "region"
    if make:
        folder.mkdir()
    code, out, err = said("init", folder)
    assert (code, out) == (3, "")
    assert ("no firm accounts were found" if make else "the folder does not exist") in err
    assert not make or list(folder.iterdir()) == []


def test_as_a_process(region):
    shutil.rmtree(region / "interviews.qdpx", ignore_errors=True)
    (region / "interviews.qdpx").unlink()
    program = [sys.executable, "-m", "clustereffects.cli", "check", str(region / "study.toml")]
    done = subprocess.run(program, capture_output=True, text=True, check=False, cwd=Path(region), encoding="utf-8")
    assert done.returncode == 1
    assert done.stdout.startswith("1 problem:\n  1. interviews.qdpx: the file is missing")
    assert done.stderr == ""


def test_demo_passes_its_options_on(tmp_path, said, monkeypatch):
    calls = []

    def pretend(folder, *, seed, progress):
        calls.append((folder, seed, progress))
        raise EstimationError("pretended")

    monkeypatch.setattr("clustereffects.study.run_demo", pretend)
    assert said("demo", "--out", tmp_path / "out", "--seed", 7)[0] == 3
    assert calls == [(tmp_path / "out", 7, False)]

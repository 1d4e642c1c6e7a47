"""The command line: a thin shell over ``clustereffects.study.Study``; the only module that prints."""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from clustereffects import __version__
from clustereffects.errors import ClusterEffectsError, PlanError

DONE, FINDINGS, USAGE, CANNOT_RUN = 0, 1, 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: the arguments of the process.

    Returns
    -------
    int
        0 done, 1 findings of ``check``, 2 usage, 3 a study that cannot run.

    Raises
    ------
    SystemExit
        On ``--help``, ``--version`` and wrong usage (code 2).

    Examples
    --------
    >>> import contextlib, io
    >>> with contextlib.redirect_stdout(io.StringIO()):
    ...     code = main(["check", "no-such-study.toml"])
    >>> code
    1
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A console that lacks a character shows a substitute for it.
            stream.reconfigure(errors="replace")
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except ClusterEffectsError as error:
        _say(str(error))
    except OSError as error:
        what = error.strerror or type(error).__name__
        _say(f"{error.filename or 'file'}: {what} – check the path and whether it may be written to")
    except KeyboardInterrupt:
        _say("stopped; nothing was written")
    except Exception as error:
        if options.traceback:
            raise
        _say(f"unforeseen {type(error).__name__}: {error} – nothing was written – please report it, with what")
        _say("`clustereffects --traceback …` prints for the same command")
    return CANNOT_RUN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="clustereffects", description="What cluster organisations really do for their member firms."
    )
    parser.add_argument("--version", action="version", version=f"clustereffects {__version__}")
    parser.add_argument(
        "--traceback", action="store_true", help="show where in the program something unforeseen happened"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    demo = commands.add_parser("demo", help="simulate a region with known truth and evaluate it")
    demo.add_argument("--out", type=Path, default=Path("demo-report"), help="folder of the report (demo-report)")
    demo.add_argument("--seed", type=int, default=2013, help="seed of the simulated region (2013)")
    demo.set_defaults(command=_demo)
    init = commands.add_parser("init", help="write a study.toml from the files in a folder")
    init.add_argument("folder", type=Path, metavar="DIR")
    init.set_defaults(command=_init)
    check = commands.add_parser("check", help="list every problem of a study before anything is fitted")
    check.add_argument("plan", type=Path, metavar="study.toml")
    check.set_defaults(command=_check)
    run = commands.add_parser("run", help="run a study and write its report")
    run.add_argument("plan", type=Path, metavar="study.toml")
    run.add_argument("--out", type=Path, required=True, help="folder of the report")
    run.set_defaults(command=_run)
    return parser


def _demo(options: argparse.Namespace) -> int:
    from clustereffects.study import run_demo

    _refuse_out(options.out)
    report = run_demo(options.out, seed=options.seed, progress=sys.stderr.isatty())
    print(report.headline())
    print(report.truth())
    print(f"Report: {options.out / 'report.html'}")
    return DONE


def _init(options: argparse.Namespace) -> int:
    from clustereffects.study import write_plan

    plan, notes = write_plan(options.folder)
    for note in notes:
        print(note)
    print(f"Wrote {plan}. Read it, change what does not fit, then: clustereffects check {plan}")
    return DONE


def _check(options: argparse.Namespace) -> int:
    from clustereffects.study import Study

    try:
        problems = Study.from_toml(options.plan).preflight()
    except PlanError as error:
        problems = list(error.problems)
    if not problems:
        print("No problems found.")
        return DONE
    print(f"{len(problems)} {'problem' if len(problems) == 1 else 'problems'}:")
    for number, problem in enumerate(problems, 1):
        print(f"{number:3}. {problem}")
    return FINDINGS


def _run(options: argparse.Namespace) -> int:
    from clustereffects.study import Study

    _refuse_out(options.out)
    report = Study.from_toml(options.plan).run(progress=sys.stderr.isatty())
    report.save(options.out)
    print(report.headline())
    print(f"Report: {options.out / 'report.html'}")
    return DONE


def _refuse_out(out: Path) -> None:
    """Raise before anything is computed if the report cannot be written."""
    place = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not place.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(place))
    if not os.access(place, os.W_OK):
        raise PermissionError(errno.EACCES, "may not be written to", str(place))


def _say(message: str) -> None:
    print(message, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())

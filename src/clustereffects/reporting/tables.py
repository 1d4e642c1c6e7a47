"""Tables as files: CSV that no spreadsheet takes for formulas, and numbers as people read them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

# What spreadsheets take for the beginning of a formula, also in full width, and line ends that hide such a beginning.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as UTF-8 CSV; text that a spreadsheet would take for a formula gets an apostrophe in front.

    Parameters
    ----------
    frame : DataFrame
    path : Path

    Raises
    ------
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_csv(pd.DataFrame({"firm": ["=1+1"]}), Path(folder) / "t.csv")
    ...     (Path(folder) / "t.csv").read_text().splitlines()
    ['firm', "'=1+1"]
    """
    safe = frame.copy()
    for column in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[column].dtype):
            safe[column] = safe[column].map(neutral)
    safe.columns = pd.Index([neutral(str(name)) for name in safe.columns])
    safe.to_csv(path, index=False, encoding="utf-8", lineterminator="\n")


def neutral(value: object) -> object:
    """Value that a spreadsheet shows as it is.

    Parameters
    ----------
    value : object

    Returns
    -------
    object
        Text that begins like a formula gets an apostrophe in front; everything else is unchanged.

    Raises
    ------
    RecursionError
        Never in practice: values are looked at, not entered.

    Examples
    --------
    >>> neutral("@SUM(A1)"), neutral(-1.5), neutral("firm")
    ("'@SUM(A1)", -1.5, 'firm')
    """
    if isinstance(value, str) and (value.startswith(_FORMULA) or value.lstrip().startswith(_FORMULA)):
        return f"'{value}"
    return value


def number(value: float, language: str = "en", digits: int = 3) -> str:
    """Number as people read it: decimal comma in Swedish, a true minus, a dash where there is none.

    Parameters
    ----------
    value : float
    language : {"en", "sv"}
    digits : int

    Returns
    -------
    str

    Raises
    ------
    TypeError
        If the value is not a number.

    Examples
    --------
    >>> number(-0.0414, "sv"), number(float("nan"))
    ('−0,041', '–')
    """
    if not np.isfinite(value):
        return "–"
    text = f"{value:,.{digits}f}".replace("-", "−")
    if float(text.replace("−", "-").replace(",", "")) == 0:
        text = text.replace("−", "")
    return text.replace(",", "\u00a0").replace(".", ",") if language == "sv" else text


def percent(log_points: float, language: str = "en") -> str:
    r"""Effect in log points as a percentage, ``100 (exp(x) − 1)``, with one decimal.

    Parameters
    ----------
    log_points : float
    language : {"en", "sv"}

    Returns
    -------
    str

    Raises
    ------
    TypeError
        If the value is not a number.

    Examples
    --------
    >>> percent(0.04).replace("\u00a0", " "), percent(-0.01, "sv").replace("\u00a0", " ")
    ('4.1 %', '−1,0 %')
    """
    shown = number(100.0 * float(np.expm1(log_points)), language, 1)
    return shown if shown == "–" else f"{shown}\u00a0%"

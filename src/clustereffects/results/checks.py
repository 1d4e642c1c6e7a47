"""What a check found, as data: verdict, statistic, threshold, and what to do about it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["pass", "warn", "fail", "info"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The outcome of one diagnostic check.

    Parameters
    ----------
    name : str
        Short stable name, such as ``"parallel trends before joining"``.
    verdict : {"pass", "warn", "fail", "info"}
        ``"info"`` means that nothing can be failed here: the figure is for the reader.
    statistic : float
        The number that was looked at; NaN where there is none.
    threshold : float
        The value it was compared with; NaN where there is none.
    message : str
        What was found, in a sentence.
    remedy : str
        What to do about it; empty when nothing needs doing.

    Raises
    ------
    ValueError
        If the verdict is not one of the four.

    Examples
    --------
    >>> check = Check(name="balance", verdict="pass", statistic=0.04, threshold=0.1, message="largest difference 0.04")
    >>> check.ok
    True
    """

    name: str
    verdict: Verdict
    statistic: float = math.nan
    threshold: float = math.nan
    message: str = ""
    remedy: str = ""

    def __post_init__(self) -> None:
        if self.verdict not in {"pass", "warn", "fail", "info"}:
            raise ValueError(f"a verdict is pass, warn, fail or info, not {self.verdict!r}")

    @property
    def ok(self) -> bool:
        """Whether nothing needs to be done."""
        return self.verdict in {"pass", "info"}

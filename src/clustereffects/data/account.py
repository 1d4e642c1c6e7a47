"""The account of rows: what came in, what was used, what was dropped and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleAccount:
    """Rows in, rows used, rows dropped by reason; the difference is always zero.

    Parameters
    ----------
    rows_in, rows_used : int
    dropped : mapping of str to int
        Number of rows by reason.
    counts : mapping of str to int
        Further counts, such as ``units``, ``treated units``, ``matched controls``.

    Raises
    ------
    ValueError
        If ``rows_in`` differs from ``rows_used`` plus all that was dropped, or a number is negative.

    Examples
    --------
    >>> account = SampleAccount(rows_in=10, rows_used=8, dropped={"outcome missing": 2})
    >>> account.to_frame()["rows"].tolist()
    [10, 2, 8]
    """

    rows_in: int
    rows_used: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lost = sum(self.dropped.values())
        if min(self.rows_in, self.rows_used, *self.dropped.values(), *self.counts.values()) < 0:
            raise ValueError(f"an account has no negative numbers: {self.to_dict()}")
        if self.rows_in != self.rows_used + lost:
            raise ValueError(f"{self.rows_in} rows in, but {self.rows_used} used and {lost} dropped")
        object.__setattr__(self, "dropped", MappingProxyType({k: int(v) for k, v in self.dropped.items()}))
        object.__setattr__(self, "counts", MappingProxyType({k: int(v) for k, v in self.counts.items()}))

    def to_frame(self) -> pd.DataFrame:
        """Account as a table with the columns ``step`` and ``rows``."""
        steps = [("rows in", self.rows_in), *((f"dropped: {why}", n) for why, n in self.dropped.items())]
        return pd.DataFrame([*steps, ("rows used", self.rows_used)], columns=["step", "rows"])

    def to_dict(self) -> dict[str, object]:
        """Account as plain data."""
        return {
            "rows_in": self.rows_in,
            "rows_used": self.rows_used,
            "dropped": dict(self.dropped),
            "counts": dict(self.counts),
        }

    def __reduce__(self) -> tuple[object, ...]:
        return _account, (self.to_dict(),)


def _account(data: dict[str, object]) -> SampleAccount:
    return SampleAccount(**data)  # type: ignore[arg-type]

"""Swedish organisation numbers: from whatever an export wrote to ten checked digits."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

REASONS = ("", "empty", "not ten digits", "wrong check digit")
_EMPTY, _NOT_TEN, _WRONG = 1, 2, 3
_CENTURIES = frozenset({"16", "19", "20"})
_SEPARATORS = re.compile(r"[\s\u00a0\u202f+\u2010-\u2015\u2212-]")
_DECIMALS = re.compile(r"(?<=\d)[.,]0*$")
_SCIENTIFIC = re.compile(r"(\d)[.,](\d+)E\+?0?(9|11)")
_POWERS = 10 ** np.arange(9, -1, -1, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class OrgNumbers:
    """Cleaned organisation numbers, one per cell of the input.

    Parameters
    ----------
    number : ndarray of int64
        Ten digits; 0 where the cell could not be cleaned.
    code : ndarray of int8
        Index into ``REASONS`` of why it could not be cleaned; 0 where it could.
    sole_trader : ndarray of bool
        Whether the number is a personal identity number (third and fourth digit, the month, below 20). Such a number
        is personal data.
    unusual : ndarray of bool
        Whether a cleaned number was written in another way than most numbers of the column.
    typed : ndarray of int64
        The ten digits as written, also where the check digit is wrong; 0 where there are no ten digits.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> clean_orgnr(["556016-0680", "556016-0681", None]).reason.tolist()
    ['', 'wrong check digit', 'empty']
    """

    number: NDArray[np.int64]
    code: NDArray[np.int8]
    sole_trader: NDArray[np.bool_]
    unusual: NDArray[np.bool_]
    typed: NDArray[np.int64]

    @property
    def ok(self) -> NDArray[np.bool_]:
        """Whether each cell was cleaned."""
        return np.asarray(self.code == 0)

    @property
    def reason(self) -> NDArray[np.object_]:
        """Why each cell could not be cleaned, empty text where it could."""
        return np.array(REASONS, dtype=object)[self.code]


def clean_orgnr(values: Any) -> OrgNumbers:
    """Clean organisation numbers written as text, integers or floats.

    Accepted are ten digits with or without hyphen and spaces, the century prefix 16 (19 and 20 for persons), the
    value-added-tax form ``SE…01``, and what spreadsheets make of a number (``5560160680.0``, ``5.56016068E+09``). Nothing is
    guessed: a wrong check digit is reported, not corrected.

    Parameters
    ----------
    values : array-like
        One column.

    Returns
    -------
    OrgNumbers

    Raises
    ------
    ValueError
        If ``values`` is not one-dimensional.

    Notes
    -----
    The tenth digit is a Luhn check digit (Skatteverket, SKV 709). Work is done once per distinct value.

    Examples
    --------
    >>> clean_orgnr(["556016-0680", "165560160680", "SE556016068001", "5560160680.0"]).number.tolist()
    [5560160680, 5560160680, 5560160680, 5560160680]
    >>> clean_orgnr([5560160680.0, 640823323.0]).reason.tolist()
    ['', 'not ten digits']
    """
    series = pd.Series(values)
    codes, unique = pd.factorize(series)
    texts = [_as_text(value) for value in unique]
    first, second = (
        np.array(part, dtype=np.int64) for part in zip(*(_candidates(t) for t in [*texts, ""]), strict=True)
    )
    valid_first, valid_second = luhn_valid(first), luhn_valid(second)
    number = np.where(valid_first, first, np.where(valid_second, second, 0))
    reason = np.where(number > 0, 0, np.where(first < 0, _NOT_TEN, _WRONG)).astype(np.int8)
    # The last entry stands for missing cells: factorize gives them -1, which picks it.
    reason[[not text for text in texts] + [True]] = _EMPTY
    cleaned = number[codes]
    return OrgNumbers(
        number=cleaned,
        code=reason[codes],
        sole_trader=is_sole_trader(cleaned),
        unusual=_unusual(texts, codes) & (cleaned > 0),
        typed=np.maximum(np.where(number > 0, number, first), 0)[codes],
    )


def luhn_valid(numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether ten-digit numbers end in the right check digit.

    Parameters
    ----------
    numbers : ndarray of int64
        Leading zeros count as digits (a person born in 2001 begins with 0); negative numbers are never valid.

    Returns
    -------
    ndarray of bool

    Raises
    ------
    TypeError
        If the numbers are not integers.

    References
    ----------
    ISO/IEC 7812-1, annex B (Luhn's algorithm).

    Examples
    --------
    >>> luhn_valid(np.array([5560160680, 5560160681, -1])).tolist()
    [True, False, False]
    """
    numbers = np.asarray(numbers)
    if not np.issubdtype(numbers.dtype, np.integer):
        raise TypeError(f"expected integers, got {numbers.dtype}")
    digits = (np.maximum(numbers, 0)[:, None] // _POWERS) % 10
    digits[:, ::2] *= 2
    total = np.where(digits > 9, digits - 9, digits).sum(axis=1)
    return np.asarray((total % 10 == 0) & (numbers > 0) & (numbers < 10**10))


def is_sole_trader(numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether a ten-digit number is a personal identity number, hence personal data.

    Parameters
    ----------
    numbers : ndarray of int64
        Zero means no number.

    Returns
    -------
    ndarray of bool

    Raises
    ------
    TypeError
        If the numbers cannot be divided.

    Notes
    -----
    In the number of a legal person the third and fourth digit are at least 20 (lag 1974:174); in a personal identity
    number they are the month.

    Examples
    --------
    >>> is_sole_trader(np.array([5560160680, 6408233234])).tolist()
    [False, True]
    """
    month = (np.asarray(numbers) // 10**6) % 100
    return np.asarray((month < 20) & (np.asarray(numbers) > 0))


def format_orgnr(number: int) -> str:
    """Organisation number as people write it; a personal identity number is masked.

    Parameters
    ----------
    number : int

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If the number is not a number at all.

    Examples
    --------
    >>> format_orgnr(5560160680), format_orgnr(6408233234)
    ('556016-0680', '(personal identity number)')
    """
    from stdnum.se import orgnr

    text = f"{int(number):010d}"
    if int(text[2:4]) < 20:
        return "(personal identity number)"
    return str(orgnr.format(text))


def one_slip_away(number: int) -> NDArray[np.int64]:
    """Valid numbers that one mistyped digit or one swap of neighbours turns into ``number``.

    Used to bar, and to show to the analyst, the firms that an entry with a wrong check digit may mean.

    Parameters
    ----------
    number : int
        Ten digits with a wrong check digit.

    Returns
    -------
    ndarray of int64
        Sorted; at most ten for one wrong digit and nine for a swap.

    Raises
    ------
    ValueError
        If ``number`` has more than ten digits.

    Examples
    --------
    >>> 5560160680 in one_slip_away(5560160681)
    True
    """
    if not 0 < number < 10**10:
        raise ValueError(f"expected ten digits, got {number}")
    digits = (number // _POWERS) % 10
    typed = np.repeat(digits[None, :], 100, axis=0)
    typed[np.arange(100), np.arange(100) // 10] = np.arange(100) % 10
    swapped = np.repeat(digits[None, :], 9, axis=0)
    places = np.arange(9)
    swapped[places, places], swapped[places, places + 1] = digits[1:], digits[:-1]
    numbers = np.concatenate([typed, swapped]) @ _POWERS
    return np.unique(numbers[luhn_valid(numbers) & (numbers != number)])


def masked(text: object) -> str:
    """Cell of an organisation number for a log: shown as written, unless it may identify a person.

    Parameters
    ----------
    text : object

    Returns
    -------
    str

    Raises
    ------
    TypeError
        Never for text and numbers.

    Examples
    --------
    >>> masked("556016-0681"), masked("19640823-3234")
    ("'556016-0681'", '(personal identity number)')
    """
    digits = re.sub(r"\D", "", _as_text(text))
    ten = digits[2:] if len(digits) == 12 and digits[:2] in _CENTURIES else digits
    personal = len(ten) >= 9 and int(ten[2:4]) < 20
    return "(personal identity number)" if personal else repr(_as_text(text))


def _as_text(value: object) -> str:
    if isinstance(value, (float, np.floating)):
        return f"{value:.0f}" if math.isfinite(value) and value == math.floor(value) else repr(float(value))
    return str(value).strip()


def _candidates(text: str) -> tuple[int, int]:
    """What the ten digits may be: the first reading and a second one; -1 where there is none."""
    plain = _SEPARATORS.sub("", _DECIMALS.sub("", text.upper()))
    scientific = _SCIENTIFIC.fullmatch(plain)
    if scientific:
        plain = "".join(scientific.groups()[:2]) if len(scientific[2]) == int(scientific[3]) else ""
    tax = plain.startswith("SE")
    digits = plain[2:] if tax else plain
    if not (digits.isascii() and digits.isdigit()) or text.startswith("-"):
        return -1, -1
    if len(digits) == 10:
        return int(digits), -1
    if len(digits) != 12:
        return -1, -1
    person = digits[:2] in {"19", "20"} and 1 <= int(digits[4:6]) <= 12
    without_century = int(digits[2:]) if (digits[:2] == "16" or person) and not tax else -1
    without_suffix = int(digits[:10]) if digits.endswith("01") else -1
    return (without_century, without_suffix) if without_century >= 0 else (without_suffix, -1)


def _unusual(texts: list[str], codes: NDArray[np.intp]) -> NDArray[np.bool_]:
    if not texts:
        return np.zeros(len(codes), dtype=bool)
    shapes, _ = pd.factorize(np.array([re.sub(r"\d", "9", text) for text in texts], dtype=object))
    per_row = np.append(shapes, -1)[codes]
    filled = per_row[per_row >= 0]
    usual = np.bincount(filled).argmax() if filled.size else -1
    return np.asarray((per_row != usual) & (per_row >= 0))

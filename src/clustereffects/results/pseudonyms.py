"""Pseudonyms by which two perspectives recognise the same respondent without knowing who it is."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable

_LENGTH = 10
_PSEUDONYM = re.compile(rf"P-[0-9a-f]{{{_LENGTH}}}")
#: An organisation number as people write it: with a hyphen, a century prefix, or as a VAT number.
_ORGANISATION = re.compile(r"(?:SE)(\d{10})\d\d|(?:16|19|20)?(\d{10})")


def pseudonym(identifier: str, key: str) -> str:
    """Keyed pseudonym of a person or firm.

    Parameters
    ----------
    identifier : str
        Name, identifier or organisation number; what is a pseudonym already stays as it is.
    key : str
        Secret text. A hash without one could be undone by trying all organisation numbers.

    Returns
    -------
    str
        ``"P-"`` and ten hexadecimal digits of the HMAC-SHA-256; empty for an empty identifier.

    Raises
    ------
    ValueError
        If the key is empty.

    Examples
    --------
    >>> pseudonym("556123-4567", "secret") == pseudonym("5561234567", "secret")
    True
    >>> pseudonym(pseudonym("IP001", "secret"), "secret") == pseudonym("IP001", "secret")
    True
    """
    if not key:
        raise ValueError("a pseudonym needs a key")
    text = " ".join(identifier.split())
    if not text or _PSEUDONYM.fullmatch(text):
        return text
    number = _ORGANISATION.fullmatch(re.sub(r"[\s\-\u2013]", "", text).upper())
    text = next(filter(None, number.groups())) if number else text
    return "P-" + hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()[:_LENGTH]


def pseudonyms(identifiers: Iterable[str], key: str) -> tuple[str, ...]:
    """Pseudonyms of several respondents, in an order that says nothing about them.

    Parameters
    ----------
    identifiers : iterable of str
        Empty ones are left out.
    key : str
        Empty: no pseudonyms at all, since nothing may enter evidence that can be traced back.

    Returns
    -------
    tuple of str
        Sorted, each once.

    Raises
    ------
    AttributeError
        If an identifier is not text.

    Examples
    --------
    >>> len(pseudonyms(["IP001", "IP002", "", "IP001"], "secret")), pseudonyms(["IP001"], "")
    (2, ())
    """
    return tuple(sorted({pseudonym(one, key) for one in identifiers if one.strip()})) if key else ()

"""What can be wrong with an elicitation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from clustereffects.errors import CodingError, Problem
from clustereffects.interviews.bridge import BridgeRow

if TYPE_CHECKING:
    from clustereffects.triangulation.elicitation.judges import Elicitation, ElicitedTest, Judgement
    from clustereffects.triangulation.theory import Theory

_T = TypeVar("_T", bound=Hashable)
_ASKED = ("p_negligible", "p_benefit")
_LATE = "asked for the claim before the rival"


def elicitation_problems(elicitation: Elicitation) -> list[Problem]:
    """Everything that is wrong with the tests and judgements of an elicitation.

    Parameters
    ----------
    elicitation : Elicitation

    Returns
    -------
    list of Problem

    Raises
    ------
    TypeError
        If it is not an elicitation.

    Examples
    --------
    >>> from clustereffects.triangulation.elicitation.judges import Elicitation
    >>> Elicitation(tests=(), judgements=())
    Traceback (most recent call last):
    clustereffects.errors.EvidenceError: there are no tests ...
    """
    tests = [one.id for one in elicitation.tests]
    found = [] if tests else [_problem("there are no tests", "", "at least one registered test")]
    found += [_problem(f"test {name!r} occurs twice", "tests", "every test once") for name in _twice(tests)]
    for test in elicitation.tests:
        found += _test_problems(test)
    judged = {one.test for one in elicitation.judgements}
    found += [_problem(f"nobody judged test {name!r}", "tests", "a judgement") for name in tests if name not in judged]
    for number, one in enumerate(elicitation.judgements, 1):
        where = f"judgement {number} (test {one.test!r}, judge {one.judge!r})"
        found += [_problem(what, where, expected) for what, expected in _judgement_problems(one, elicitation)]
    keys = [(one.test, one.judge, one.rival) for one in elicitation.judgements]
    found += [_problem("judged twice: " + ", ".join(key), "judgements", "one judgement") for key in _twice(keys)]
    return found


def order_flag(judgement: Judgement) -> str:
    """Flag for a judge who was asked for the claim before the rival, empty otherwise.

    Parameters
    ----------
    judgement : Judgement

    Returns
    -------
    str

    Raises
    ------
    AttributeError
        If it is not a judgement.

    Examples
    --------
    >>> from clustereffects.triangulation.elicitation.judges import Judgement
    >>> order_flag(Judgement(test="T01", judge="A", rival="boom", p_negligible="unlikely", p_benefit="likely",
    ...                      asked_first="p_benefit"))
    "judge 'A' was asked for the claim before the rival 'boom'"
    """
    return "" if judgement.asked_first == _ASKED[0] else f"judge {judgement.judge!r} was {_LATE} {judgement.rival!r}"


def theory_problems(elicitation: Elicitation, theory: Theory) -> list[Problem]:
    """Claims and rivals of an elicitation that are not those of the theory.

    Parameters
    ----------
    elicitation : Elicitation
    theory : Theory

    Returns
    -------
    list of Problem

    Raises
    ------
    AttributeError
        If one is not what it should be.

    Examples
    --------
    >>> from clustereffects.triangulation.elicitation.judges import ElicitedTest, Elicitation, Judgement
    >>> from clustereffects.triangulation.theory import Theory
    >>> theory = Theory.from_dict({"nodes": {"a": {"kind": "activity"}, "b": {"kind": "outcome"}},
    ...     "links": {"ab": {"from": "a", "to": "b"}}, "rivals": {"boom": {}},
    ...     "claims": {"growth": {"outcome": "y", "scale": "log", "horizon": 3, "delta": 0.01, "rivals": ["boom"],
    ...                           "link": "ab"}}})
    >>> one = Judgement(test="T01", judge="A", rival="luck", p_negligible="unlikely", p_benefit="likely",
    ...                 asked_first="p_negligible")
    >>> found = Elicitation(tests=(ElicitedTest(id="T01", claim="growth"),), judgements=(one,))
    >>> theory_problems(found, theory)[0].what
    "rival 'luck' is not one of claim 'growth'"
    """
    claims = {one.id: one for one in theory.claims}
    known = ", ".join(claims)
    found = [
        _problem(f"claim {test.claim!r} is not in the theory", f"test {test.id!r}", known)
        for test in elicitation.tests
        if test.claim not in claims
    ]
    for test in elicitation.tests:
        rivals = claims[test.claim].rivals if test.claim in claims else ()
        named = dict.fromkeys(one.rival for one in elicitation.judgements if one.test == test.id)
        odd = [rival for rival in named if test.claim in claims and rival not in rivals]
        where = f"judgements on test {test.id!r}"
        found += [_problem(f"rival {r!r} is not one of claim {test.claim!r}", where, ", ".join(rivals)) for r in odd]
    return found


def _test_problems(test: ElicitedTest) -> list[Problem]:
    """The problems a row of the bridge would have, with a name where the code may be left out."""
    try:
        BridgeRow(
            code=test.code or "none",
            claim=test.claim,
            test=test.id,
            target=test.target,
            p_benefit=1,
            p_negligible=1,
            p_harm=1,
        )
    except CodingError as error:
        return [_problem(one.what, f"test {test.id!r}", one.expected) for one in error.problems]
    return []


def _judgement_problems(one: Judgement, elicitation: Elicitation) -> Iterator[tuple[str, str]]:
    tests = [test.id for test in elicitation.tests]
    if one.test not in tests:
        yield f"unknown test {one.test!r}", ", ".join(tests)
    for name in ("judge", "rival"):
        if not getattr(one, name).strip():
            yield f"no {name}", f"a named {name}"
    words = ", ".join(elicitation.scale.words)
    for name in (*_ASKED, "p_harm"):
        word = getattr(one, name)
        if not elicitation.scale.knows(word) and (word or name != "p_harm"):
            yield f"{name} is {word!r}", f"one of the levels {words}, not a number"
    if one.asked_first not in _ASKED:
        yield f"asked_first is {one.asked_first!r}", " or ".join(_ASKED)
    elif elicitation.order == "refuse" and order_flag(one):
        yield _LATE, 'the rival first; ask again, or accept flagged judgements with order="flag"'


def _twice(items: Sequence[_T]) -> list[_T]:
    return [item for item, count in Counter(items).items() if count > 1]


def _problem(what: str, where: str, expected: str) -> Problem:
    return Problem(what=what, where=where, expected=expected, remedy="correct the elicitation")

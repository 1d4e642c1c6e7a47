"""Both languages say the same things, and there are words for everything that is shown."""

import re
from string import Formatter

import pytest

from clustereffects.errors import OptionError
from clustereffects.reporting import LANGUAGES, _comparison, _robustness, _triangulation, sections, wording
from clustereffects.reporting.figures.tables import VERDICT_COLOURS, VERDICT_SIGNS
from clustereffects.reporting.words import saying_effect, without_effect
from clustereffects.triangulation import ENGINES
from clustereffects.triangulation.convergence import CODES
from clustereffects.triangulation.verdicts import VERDICTS

ENGINES_BESIDE = tuple(name for name in ENGINES if name != "bayes")
SHOWN_VERDICTS = (*VERDICTS, "not published")
WAYS = ("matched_did", "group_time_did", "two_way_fixed_effects", "versus_county", "versus_industry", "truth")
AREAS = ("accounts", "matching", "effects", "pooling", "survey", "interviews", "triangulation")


def _placeholders(text):
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_languages_have_the_same_keys():
    keys = {language: set(wording(language).texts) for language in LANGUAGES}
    assert keys["sv"] == keys["en"]


def test_languages_have_the_same_placeholders():
    swedish, english = wording("sv").texts, wording("en").texts
    different = {key for key in english if _placeholders(english[key]) != _placeholders(swedish[key])}
    assert different == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_empty_or_markup(language):
    for key, text in wording(language).texts.items():
        assert text.strip() == text, key
        assert text, key
        assert not re.search(r"[<>]", text), key


def test_languages_differ():
    swedish, english = wording("sv").texts, wording("en").texts
    same = {key for key in english if english[key] == swedish[key] and " " in english[key]}
    assert same == set()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("prefix", "names"),
    [
        ("verdict", SHOWN_VERDICTS),
        ("way", WAYS),
        ("meaning", WAYS),
        ("area", AREAS),
        ("check", ("pass", "warn", "fail", "info")),
        ("section", tuple(sections._SECTIONS)),
        ("group", ("programme",)),
        ("code", CODES),
        ("engine", ENGINES_BESIDE),
        ("assumes", ENGINES_BESIDE),
        ("overlooks", ENGINES_BESIDE),
        ("kind", ("report", "data", "negative control", "judgement")),
    ],
)
def test_there_are_words_for_everything(language, prefix, names):
    say = wording(language)
    for name in names:
        assert say.has(f"{prefix}_{name}".replace(" ", "_")), (prefix, name)
        assert say.term(prefix, name) != ""


def test_every_verdict_has_a_colour_and_a_sign_of_its_own():
    assert set(VERDICT_COLOURS) == set(SHOWN_VERDICTS)
    assert set(VERDICT_SIGNS) | {"silent"} == set(SHOWN_VERDICTS)
    assert len(set(VERDICT_SIGNS.values())) == len(VERDICT_SIGNS)


def test_keys_that_the_sections_use_exist():
    import inspect

    sources = (sections, _comparison, _triangulation, _robustness)
    used = {key for part in sources for key in re.findall(r'say\(\s*"([a-z_]+)"', inspect.getsource(part))}
    missing = {language: {key for key in used if not wording(language).has(key)} for language in LANGUAGES}
    assert used
    assert missing == {"sv": set(), "en": set()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_has_a_form_without_the_word_effect(language):
    said, other = wording(language), wording(language, effect=False)
    assert set(said.texts) == set(other.texts)
    kept = {key for key, text in other.texts.items() if re.search(r"\beffects?\b|effekt(?!iv)", text, re.IGNORECASE)}
    assert kept == set()
    for key, text in said.texts.items():
        assert _placeholders(text) == _placeholders(other.texts[key]), key
    changed = {key for key in said.texts if said.texts[key] != other.texts[key]}
    assert 30 < len(changed) < 80
    assert {"verdict_no_material_effect", "axis_effect", "way_two_way_fixed_effects", "method_effect"} <= changed


@pytest.mark.parametrize("language", LANGUAGES)
def test_figures_follow_the_word_of_the_report(language):
    with saying_effect(allowed=False):
        assert wording(language) == wording(language, effect=False)
        assert wording(language, effect=True).texts != wording(language).texts
    assert wording(language) == wording(language, effect=True)


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("sv", "Effekter på omsättningen", "Skillnader i omsättningen"),
        ("sv", "den sammanvägda effekten är effektiv", "den sammanvägda skillnaden är effektiv"),
        ("sv", "joint Wald test of 2 effects", "joint Wald test of 2 differences"),
        ("en", "No effect; an effect on employees", "No difference; a difference in employees"),
        ("en", "two_way_fixed_effects", "two_way_fixed_terms"),
        ("en", "clustereffects 0.1.0 is effective", "clustereffects 0.1.0 is effective"),
    ],
)
def test_what_stands_for_the_word_is_grammatical(language, text, expected):
    assert without_effect(text, language) == expected


def test_unknown_terms_stay_as_they_are_and_unknown_sentences_are_errors():
    say = wording("sv")
    assert say.term("outcome", "log_exports") == "log_exports"
    assert not say.has("outcome_log_exports")
    with pytest.raises(KeyError, match="no_such_sentence"):
        say("no_such_sentence")
    with pytest.raises(KeyError, match="outcome"):
        say("answer_none")


def test_there_is_no_third_language():
    with pytest.raises(OptionError, match="language 'fi' – expected one of sv, en"):
        wording("fi")

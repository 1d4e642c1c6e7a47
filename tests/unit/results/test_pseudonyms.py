import pytest

from clustereffects.results import pseudonym, pseudonyms


@pytest.mark.parametrize("written", ["5561234567", "556123-4567", "16556123-4567", "SE556123456701", " 556123 4567 "])
def test_an_organisation_number_is_one_however_it_is_written(written):
    assert pseudonym(written, "secret") == pseudonym("5561234567", "secret")


def test_pseudonyms_need_the_key():
    assert pseudonym("IP1", "secret") != pseudonym("IP1", "other")
    assert len(pseudonym("IP1", "secret")) == 12
    assert pseudonym("  Anna   Berg ", "secret") == pseudonym("Anna Berg", "secret")
    assert pseudonym("", "secret") == ""
    with pytest.raises(ValueError, match="needs a key"):
        pseudonym("IP1", "")


def test_several_are_sorted_and_counted_once():
    names = pseudonyms(["IP2", "IP1", "IP2", " "], "secret")
    assert names == tuple(sorted({pseudonym("IP1", "secret"), pseudonym("IP2", "secret")}))
    assert pseudonyms(["IP1"], "") == ()

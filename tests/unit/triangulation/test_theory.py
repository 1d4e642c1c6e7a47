import numpy as np
import pytest

from clustereffects.errors import FileError, TheoryError
from clustereffects.triangulation import Claim, Link, Node, Rival, Theory

TEXT = """
[nodes.activities]
sv = "Klustrets aktiviteter"
en = "Cluster activities"
kind = "activity"

[nodes.result]
kind = "outcome"

[links.growth]
from = "activities"
to = "result"
perspectives = ["economic", "survey", "interviews"]

[claims.value_added_growth]
outcome = "value_added"
scale = "log"
horizon = 3
delta = 0.01
rivals = ["export_boom"]
link = "growth"
survey_scale = "growth"

[rivals.export_boom]
sv = "Exportboom"
"""


def _data():
    return {
        "nodes": {"a": {"kind": "activity"}, "b": {"kind": "outcome"}},
        "links": {"ab": {"from": "a", "to": "b"}},
        "claims": {
            "growth": {"outcome": "y", "scale": "log", "horizon": 3, "delta": 0.01, "rivals": ["boom"], "link": "ab"}
        },
        "rivals": {"boom": {}},
    }


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "theory.toml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_reads_a_file(file):
    theory = Theory.from_toml(file)
    assert theory.nodes[0] == Node(
        id="activities", kind="activity", sv="Klustrets aktiviteter", en="Cluster activities"
    )
    assert theory.claim("value_added_growth").rivals == ("export_boom",)
    assert theory.link("growth").perspectives == ("economic", "survey", "interviews")
    assert theory.rival("export_boom").sv == "Exportboom"


def test_round_trips(file, tmp_path):
    theory = Theory.from_toml(file)
    assert Theory.from_dict(theory.to_dict()) == theory
    copy = tmp_path / "copy.toml"
    copy.write_text(theory.to_toml(), encoding="utf-8")
    assert Theory.from_toml(copy) == theory
    assert hash(theory) == hash(Theory.from_toml(copy))


def test_identifiers_that_toml_must_quote_survive(tmp_path):
    data = _data()
    data["rivals"] = {'export "boom" i Värmland': {"en": "Line\nbreak"}}
    data["claims"]["growth"]["rivals"] = list(data["rivals"])
    theory = Theory.from_dict(data)
    path = tmp_path / "theory.toml"
    path.write_text(theory.to_toml(), encoding="utf-8")
    assert Theory.from_toml(path) == theory


def test_all_problems_at_once():
    data = _data() | {"extra": {}}
    data["nodes"]["c"] = {"kind": "box", "colour": "red"}
    data["links"]["bc"] = {"from": "b", "to": "nowhere", "perspectives": ["gossip"]}
    data["claims"]["bad"] = {"outcome": "", "scale": "log", "horizon": -1, "delta": 0, "rivals": [], "link": "xy"}
    data["claims"]["typed"] = {
        "outcome": "y",
        "scale": "log",
        "horizon": 1,
        "delta": "0.1",
        "rivals": "boom",
        "link": "ab",
    }
    data["claims"]["short"] = {"outcome": "y"}
    with pytest.raises(TheoryError) as caught:
        Theory.from_dict(data, file="theory.toml")
    text = str(caught.value)
    for part in (
        "unknown section extra",
        "unknown key 'colour'",
        "unknown node 'nowhere'",
        "unknown perspective 'gossip'",
        "unknown link 'xy'",
        "no rival explanation",
        "delta 0",
        "horizon -1",
        "empty 'outcome'",
        "'0.1' has the wrong type",
        "'boom' has the wrong type",
        "no 'delta'",
    ):
        assert part in text
    assert all(problem.file == "theory.toml" for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(claims={}), "no claims"),
        (lambda d: d.update(nodes=[]), "nodes is not a table"),
        (lambda d: d["nodes"].update(c=3), "not a table"),
        (lambda d: d["nodes"].update(c={"kind": "box"}), "kind 'box'"),
        (lambda d: d["claims"]["growth"].update(delta=float("nan")), "delta nan"),
        (lambda d: d["claims"]["growth"].update(delta=True), "True has the wrong type"),
        (lambda d: d["claims"]["growth"].update(rivals=["boom", "drizzle"]), "unknown rival 'drizzle'"),
    ],
)
def test_each_problem(change, message):
    data = _data()
    change(data)
    with pytest.raises(TheoryError, match=message):
        Theory.from_dict(data)


def test_a_broken_entry_does_not_make_its_readers_unknown():
    data = _data()
    data["links"]["ab"]["colour"] = "red"
    with pytest.raises(TheoryError) as caught:
        Theory.from_dict(data)
    assert len(caught.value.problems) == 1


def test_a_theory_built_in_python_is_checked_too():
    nodes = (Node(id="a", kind="activity"), Node(id="a", kind="outcome"))
    claim = Claim(id="g", outcome="y", scale="log", horizon=1, delta=-1, rivals=("r",), link="aa")
    with pytest.raises(TheoryError, match="two entries 'a'") as caught:
        Theory(nodes=nodes, links=(Link(id="aa", start="a", end="a"),), claims=(claim,), rivals=(Rival(id="r"),))
    assert "delta -1" in str(caught.value)


def test_unknown_names():
    theory = Theory.from_dict(_data())
    with pytest.raises(TheoryError, match="no claim 'x'"):
        theory.claim("x")
    with pytest.raises(TheoryError, match="no rival 'x'"):
        theory.rival("x")
    with pytest.raises(TheoryError, match="no link 'x'"):
        theory.link("x")


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(FileError, match="no theory can be read"):
        Theory.from_toml(tmp_path / "none.toml")
    path = tmp_path / "theory.toml"
    path.write_text("[nodes", encoding="utf-8")
    with pytest.raises(TheoryError, match=r"theory\.toml: not TOML"):
        Theory.from_toml(path)
    path.write_bytes(b'[nodes.a]\nsv = "\xe5"')
    with pytest.raises(TheoryError, match="not TOML in UTF-8"):
        Theory.from_toml(path)


def test_the_same_theory_as_json(file, tmp_path):
    theory = Theory.from_toml(file)
    assert Theory.from_json(theory.to_json()) == theory
    path = tmp_path / "theory.json"
    path.write_text(theory.to_json(), encoding="utf-8-sig")
    assert Theory.from_json(path) == Theory.from_json(str(path)) == theory
    assert "Klustrets" in theory.to_json()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"nodes": {"a": {}, "a": {}}}', "the same key twice: a"),
        ('{"nodes": ', "not JSON"),
        ('{"claims": {"c": {"delta": NaN}}}', "no 'outcome'"),
        ("{" * 100_000, "not JSON"),
    ],
)
def test_json_that_is_no_theory(text, message):
    with pytest.raises(TheoryError, match=message):
        Theory.from_json(text)


def test_messages_name_the_json_file(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text("[1]", encoding="utf-8")
    with pytest.raises(TheoryError, match=r"mine\.json: the top level is not an object"):
        Theory.from_json(path)
    path.write_bytes(b"\xff\xfe{")
    with pytest.raises(TheoryError, match="not JSON in UTF-8"):
        Theory.from_json(path)
    with pytest.raises(FileError, match="a JSON file"):
        Theory.from_json(tmp_path / "none.json")


def test_messages_say_what_to_correct(tmp_path):
    (tmp_path / "mine.json").write_text('{"links": 3}', encoding="utf-8")
    for source, remedy in ((tmp_path / "mine.json", "correct mine.json"), ('{"links": 3}', "correct the theory")):
        with pytest.raises(TheoryError) as caught:
            Theory.from_json(source)
        assert {one.remedy for one in caught.value.problems} == {remedy}


def test_numbers_of_numpy_are_written_as_numbers():
    claim = Claim(id="c", outcome="y", scale="log", horizon=3, delta=np.float64(0.01), rivals=("r",), link="l")
    nodes = (Node(id="a", kind="activity"), Node(id="b", kind="outcome"))
    theory = Theory(nodes=nodes, links=(Link(id="l", start="a", end="b"),), claims=(claim,), rivals=(Rival(id="r"),))
    assert "delta = 0.01\n" in theory.to_toml()
    assert Theory.from_json(theory.to_json()) == theory


@pytest.mark.parametrize(
    ("rivals", "message"),
    [
        ({"boom": {"overlaps": ["bust"]}}, "unknown rival 'bust'"),
        ({"boom": {"overlaps": ["boom"]}}, "overlaps with itself"),
        ({"boom": {}, "organisation": {}}, "a rival called 'organisation'"),
    ],
)
def test_overlaps_that_cannot_be(rivals, message):
    with pytest.raises(TheoryError, match=message):
        Theory.from_dict(_data() | {"rivals": rivals})


def test_overlaps_round_trip():
    data = _data() | {"rivals": {"boom": {"overlaps": ["organisation", "bust"]}, "bust": {}}}
    theory = Theory.from_dict(data)
    assert theory.rival("boom").overlaps == ("organisation", "bust")
    assert Theory.from_dict(theory.to_dict()) == theory

"""Projects as several programs write them."""

import pandas as pd
import pytest

from clustereffects.errors import CodingError
from clustereffects.interviews import read_refi_qda
from support.refi import Doc, Marked, guid, project_xml, write_project, write_zip

TEXT = "Intervju\nVD i ett medlemsföretag\n\nVi fick en ny kund genom klustret.\nDet tog mycket tid.\nSlut.\n"
KUND, TID = "Vi fick en ny kund genom klustret.", "Det tog mycket tid."
CODES = {"M1": {}, "N2": {}, "X1": {}}
STYLES = {
    "lf": {"newline": "\n", "counted": 1},
    "crlf_as_one": {"newline": "\r\n", "counted": 1},
    "crlf_as_two": {"newline": "\r\n", "counted": 2},
}


def doc(name="I1", marks=None, **options):
    marks = [Marked(KUND, ("M1",)), Marked(TID, ("N2",), coder="BK")] if marks is None else marks
    return Doc(name, TEXT, marks, case="IP1", values={"organisation": "K01", "roll": "VD"}, **options)


def check(codings, name):
    return next(item for item in codings.checks() if item.name == name)


@pytest.fixture
def read(tmp_path):
    def reader(docs, codes=CODES, read_options=None, **options):
        return read_refi_qda(write_project(tmp_path / "p.qdpx", docs, codes, **options), **(read_options or {}))

    return reader


@pytest.mark.parametrize("style", list(STYLES))
def test_positions_are_recovered_under_every_convention(read, style):
    codings = read([doc(**STYLES[style])])
    frame = codings.frame
    assert list(frame["quote"]) == [KUND, TID]
    assert list(frame["start"]) == [TEXT.index(KUND), TEXT.index(TID)]
    assert list(frame["status"]) == ["exact", "exact"]
    assert codings.sources.loc[0, "newline"] == style
    assert check(codings, "how line breaks are counted").message == f"{style} in 1 sources"
    assert check(codings, "quotes where their positions say").verdict == "pass"


def test_each_source_has_its_own_convention(read):
    docs = [doc(name, key=name, **style) for name, style in STYLES.items()]
    assert dict(read(docs).sources[["source", "newline"]].to_numpy()) == {name: name for name in STYLES}


def test_line_breaks_that_lost_a_character_on_export(read):
    assert list(read([doc(newline="\n", counted=2)]).frame["quote"]) == [KUND, TID]


@pytest.mark.parametrize("style", list(STYLES))
def test_without_stored_quotes_words_decide(read, style):
    marks = [Marked(KUND, ("M1",), name=""), Marked(TID, ("N2",), name="")]
    codings = read([doc(marks=marks, **STYLES[style])])
    assert list(codings.frame["quote"]) == [KUND, TID]
    assert list(codings.frame["status"]) == ["unverifiable"] * 2
    assert check(codings, "quotes where their positions say").verdict == "info"


def test_a_quote_nearby_is_followed(read):
    codings = read([doc(marks=[Marked(KUND, ("M1",), shift=-7), Marked(TID, ("N2",))])])
    assert list(codings.frame["quote"]) == [KUND, TID]
    assert list(codings.frame["status"]) == ["moved", "exact"]
    assert codings.sources.loc[0, "moved"] == 1


def test_a_quote_far_away_keeps_its_positions_and_is_counted(tmp_path):
    text = "Början av samtalet. " + "utfyllnad " * 200 + "Slutet av samtalet."
    marks = [Marked("Början av samtalet.", ("M1",), name="Slutet av samtalet."), Marked("utfyllnad", ("N2",))]
    path = write_project(tmp_path / "p.qdpx", [Doc("I1", text, marks)], CODES)
    codings = read_refi_qda(path)
    assert list(codings.frame["quote"]) == ["Början av samtalet.", "utfyllnad"]
    assert list(codings.frame["status"]) == ["mismatch", "exact"]
    found = check(codings, "quotes where their positions say")
    assert (found.verdict, found.statistic) == ("warn", 0.5)


def test_positions_beyond_the_text_are_counted_and_the_coding_is_kept(read):
    codings = read([doc(marks=[Marked(KUND, ("M1",), shift=5000)])])
    assert list(codings.frame["status"]) == ["outside"]
    assert codings.sources.loc[0, "mismatched"] == 1


def test_a_stored_quote_that_was_cut_or_renamed(read):
    marks = [Marked(KUND, ("M1",), name="Vi fick en ny…"), Marked(TID, ("N2",), name="Mitt bästa citat")]
    assert list(read([doc(marks=marks)]).frame["status"]) == ["exact", "unverifiable"]


def test_who_was_interviewed_comes_from_the_case(read):
    row = read([doc()]).frame.iloc[0]
    assert (row["source"], row["organisation"], row["respondent"], row["role"]) == ("I1", "K01", "IP1", "VD")
    assert (row["coder"], row["code"], row["coded_at"]) == ("AL", "M1", pd.Timestamp("2013-06-01 12:00"))


def test_variables_may_belong_to_the_source_and_have_other_names(read):
    extra = (
        f'<TextSource guid="{guid("own")}" name="I9"><PlainTextContent>{KUND}</PlainTextContent>'
        f'<VariableValue><VariableRef targetGUID="{guid("variable", "enhet")}"/><TextValue>K09</TextValue></VariableValue>'
        f'<PlainTextSelection guid="{guid("s")}" name="{KUND}" startPosition="0" endPosition="34">'
        f'<Coding guid="{guid("c")}"><CodeRef targetGUID="{guid("code", "M1")}"/></Coding></PlainTextSelection></TextSource>'
    )
    first = Doc("I1", TEXT, [Marked(KUND, ("M1",))], case="IP1", values={"enhet": "K01", "organisation": "?"})
    codings = read([first], extra_sources=extra, read_options={"organisation": "Enhet"})
    assert dict(codings.sources[["source", "organisation"]].to_numpy()) == {"I1": "K01", "I9": "K09"}
    assert list(codings.frame["coder"]) == ["AL", "(unknown)"]
    assert list(codings.frame["quote"]) == [KUND, KUND]


def test_nvivo_style_folder_and_project_name(read):
    codings = read([doc(**STYLES["crlf_as_two"])], qde="Klusterintervjuer.qde", folder="Sources")
    assert list(codings.frame["quote"]) == [KUND, TID]


def test_qualcoder_style_byte_order_mark(read):
    assert list(read([doc(bom=True)]).frame["start"]) == [TEXT.index(KUND), TEXT.index(TID)]


def test_maxqda_style_cases_without_a_name_and_selections_without_a_code(read):
    nameless = doc(marks=[Marked(KUND, ("M1",)), Marked("Slut.", coder="BK", name="Kommentar")])
    nameless.case = None
    codings = read([nameless])
    assert len(codings.frame) == 1
    assert codings.sources.loc[0, "comments"] == 1
    assert codings.sources.loc[0, "coders"] == ("AL",)
    assert codings.sources.loc[0, "organisation"] == "K01"
    assert codings.sources.loc[0, "respondent"].startswith("case ")
    assert not codings.sources.loc[0, "named"]
    assert check(codings, "cases without a name").verdict == "warn"
    assert check(codings, "selections without a code").message.startswith("1: comments")


def test_maxqda_style_repeated_source_names_and_document_groups(read):
    docs = [Doc("Svar", TEXT, [Marked(KUND, ("M1",))], key=key) for key in ("first", "second")]
    sets = "<Sets>" + "".join(
        f'<Set guid="{guid(key)}" name="K0{i}"><MemberSource targetGUID="{item.guid}"/></Set>'
        for i, (key, item) in enumerate(zip(("g1", "g2"), docs, strict=True), 1)
    )
    codings = read(docs, sets=sets + "</Sets>")
    assert len(set(codings.sources["source"])) == 2
    assert all(name.startswith("Svar [") for name in codings.sources["source"])
    assert list(codings.sources["organisation"]) == ["K01", "K02"]
    assert check(codings, "sources with the same name").statistic == 2


def test_nested_codes_have_a_path_and_repeated_names_go_by_it(read):
    codes = {"Nytta": {"Kunder": {}, "Personal": {}}, "M1": {}}
    codings = read([doc(marks=[Marked(KUND, ("Kunder",))])], codes)
    assert codings.frame.loc[0, ["code", "code_path"]].tolist() == ["Kunder", "Nytta/Kunder"]
    assert codings.codebook == ("Nytta", "Kunder", "Personal", "M1")


def test_codes_that_share_a_name_go_by_their_path(tmp_path):
    first = doc(marks=[Marked(KUND, ("Kunder",)), Marked(TID, ("Andra",))])
    xml = project_xml([first], {"Nytta": {"Kunder": {}}, "Risk": {"Andra": {}}})
    texts = {f"sources/{first.guid}.txt": TEXT}
    path = write_zip(tmp_path / "p.qdpx", {"project.qde": xml.replace('name="Andra"', 'name="Kunder"'), **texts})
    codings = read_refi_qda(path)
    assert list(codings.frame["code"]) == ["Nytta/Kunder", "Risk/Kunder"]
    assert codings.codebook == ("Nytta", "Nytta/Kunder", "Risk", "Risk/Kunder")


def test_the_codebook_includes_codes_that_nobody_used(read):
    assert read([doc()]).codebook == ("M1", "N2", "X1")


def test_codes_that_are_cases(read):
    marks = [Marked(KUND, ("M1",)), Marked(TID, ("Anna",))]
    extra = (
        f'<Case guid="{guid("code", "Anna")}" name="Anna"/>'
        f'<Case guid="{guid("b")}" name="Bo"><CodeRef targetGUID="{guid("code", "Bo")}"/></Case>'
        f'<Case guid="{guid("c")}" name="Cia"><SelectionRef targetGUID="{guid(Doc("I1", "").guid, KUND, "AL")}"/></Case>'
    )
    first = Doc("I1", TEXT, [*marks, Marked("Slut.", ("Bo",))])
    codings = read([first], {"M1": {}, "Anna": {}, "Bo": {}}, extra_cases=extra)
    assert codings.codebook == ("M1",)
    assert list(codings.frame["code"]) == ["M1"]
    assert codings.sources.loc[0, "respondent"] == "Anna + Bo + Cia"
    assert codings.account.dropped == {"marks a case, not a theme": 2}
    assert check(codings, "codings that mark cases").statistic == 2


def test_codings_with_unknown_codes_are_counted(read):
    codings = read([doc(marks=[Marked(KUND, ("M1", "ghost"))])])
    assert codings.account.dropped == {"code not in the codebook": 1}
    assert check(codings, "codings with unknown codes").verdict == "warn"


def test_a_text_that_is_not_in_the_archive(read, tmp_path):
    codings = read([doc()], folder="elsewhere")
    assert list(codings.frame["code"]) == ["M1", "N2"]
    assert list(codings.frame["quote"]) == ["", ""]
    assert check(codings, "texts not in the archive").statistic == 1


RECORDING = """
<AudioSource guid="{audio}" name="" path="relative:///x.m4a"><Transcript guid="{t}" name="Samtal" plainTextPath="">
<PlainTextContent>Vi fick en ny kund.</PlainTextContent>
<SyncPoint guid="{a}" timeStamp="0" position="0"/><SyncPoint guid="{b}" timeStamp="900" position="19"/>
<TranscriptSelection guid="{s}" name="Vi fick en ny kund." fromSyncPoint="{a}" toSyncPoint="{b}">
<Coding guid="{c}"><CodeRef targetGUID="{code}"/></Coding></TranscriptSelection></Transcript>
<AudioSelection guid="{s2}" name="ljud" begin="0" end="10"><Coding guid="{c2}"><CodeRef targetGUID="{code}"/></Coding>
</AudioSelection><Coding guid="{c3}"><CodeRef targetGUID="{other}"/></Coding></AudioSource>
<PDFSource guid="{pdf}" name="Rapport"><PDFSelection guid="{p}" page="1"><Weird><Coding guid="{c4}">
<CodeRef targetGUID="{code}"/></Coding></Weird></PDFSelection></PDFSource>
"""


def test_recordings_pictures_and_whole_sources(read):
    names = ("audio", "t", "a", "b", "s", "c", "s2", "c2", "c3", "pdf", "p", "c4")
    guids = {name: guid("recording", name) for name in names}
    xml = RECORDING.format(**guids, code=guid("code", "M1"), other=guid("code", "N2"))
    codings = read([], extra_sources=xml)
    frame = codings.frame
    assert list(frame["source"]) == ["Samtal"] * 3
    assert sorted(frame["code"]) == ["M1", "M1", "N2"]
    placed = frame.dropna(subset=["start"]).iloc[0]
    assert (placed["start"], placed["end"], placed["quote"]) == (0, 19, "Vi fick en ny kund.")
    assert codings.account.dropped == {"elements that are not read": 1}
    assert check(codings, "codings in elements that are not read").verdict == "warn"
    assert check(codings, "interviews nobody coded").message.startswith("1: Rapport")


def test_texts_in_other_encodings(read, tmp_path):
    item = doc()
    for encoding in ("utf-16", "latin-1"):
        folder = {f"sources/{item.guid}.txt": TEXT.encode(encoding)}
        codings = read([item], folder="unused", members=folder)
        assert list(codings.frame["quote"]) == [KUND, TID]


def test_a_later_version_of_the_standard(read):
    assert len(read([doc()], namespace="urn:QDA-XML:project:1.5").frame) == 2


def test_quotes_can_be_left_out(read):
    kept, left = read([doc()]), read([doc()], read_options={"quotes": False})
    assert list(left.frame["quote"]) == ["", ""]
    assert list(left.frame["quote_hash"]) == list(kept.frame["quote_hash"])
    assert left.frame["quote_hash"].str.len().eq(16).all()


def test_a_source_in_cases_of_two_organisations(read):
    second = (
        f'<Case guid="{guid("two")}" name="IP2"><VariableValue><VariableRef targetGUID="{guid("variable", "organisation")}"/>'
        f'<TextValue>K02</TextValue></VariableValue><SourceRef targetGUID="{doc().guid}"/></Case>'
    )
    with pytest.raises(CodingError, match="interview 'I1' belongs to several organisations – K01, K02"):
        read([doc()], extra_cases=second)

import pandas as pd
import pytest

from clustereffects.errors import CodingError, ColumnError, FileError, OptionError
from clustereffects.interviews import PRESETS, read_codings

CANONICAL = """source,organisation,respondent,role,coder,code,start,end,quote
I1,K01,IP1,VD,AL,M1,10,20,Vi fick en kund
I1,K01,IP1,VD,BK,M1,10,20,Vi fick en kund
I1,K01,IP1,VD,BK,,,,
I2,K02,IP2,Tjänsteman,AL,N2,5,9,"=HYPERLINK(""http://x"")"
"""


@pytest.fixture
def write(tmp_path):
    def writer(text, name="codings.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_text(text, encoding=encoding)
        return path

    return writer


def test_canonical_columns(write):
    codings = read_codings(write(CANONICAL))
    assert len(codings.frame) == 3
    assert codings.codebook == ("M1", "N2")
    assert codings.account.dropped == {"read, nothing coded": 1}
    assert dict(codings.sources[["source", "organisation"]].to_numpy()) == {"I1": "K01", "I2": "K02"}
    assert codings.frame["start"].tolist() == [10, 10, 5]
    assert codings.origin == "codings.csv"
    assert codings.checks()[0].message.startswith("canonical: source from 'source'")


def test_free_text_is_data(write):
    assert read_codings(write(CANONICAL)).frame["quote"].iloc[-1] == '=HYPERLINK("http://x")'


def test_swedish_headers_semicolons_and_latin_1(write):
    text = "Källa;Organisation;Respondent;Roll;Kodare;Kod;Citat\nI1;K01;IP1;Vd;ÅL;M1;Vi växte\n"
    frame = read_codings(write(text, encoding="latin-1")).frame
    assert frame.loc[0, ["source", "role", "coder", "quote"]].tolist() == ["I1", "Vd", "ÅL", "Vi växte"]


def test_qualcoder_report(write):
    text = (
        '"Case","Filename","Coder","Coded","Id","Codename","Coded_Memo","Category","FileVar_organisation","CaseVar_roll"\n'
        '"IP1","I1.txt","AL","Vi fick en kund","3","M1","","Nytta","K01","VD"\n'
        '"IP1","I1.txt","AL","Vi fick en kund","3","M1","","Nytta","K01","VD"\n'
    )
    codings = read_codings(write(text))
    row = codings.frame.iloc[0]
    assert row[["source", "organisation", "respondent", "role", "code"]].tolist() == [
        "I1.txt",
        "K01",
        "IP1",
        "VD",
        "M1",
    ]
    assert codings.frame["start"].isna().all()
    assert len(codings.frame) == 1, "the same quote, code and coder once"


def test_maxqda_coded_segments_from_a_spreadsheet(tmp_path):
    table = pd.DataFrame(
        {
            "Document group": ["K01"],
            "Document name": ["I1"],
            "Code": ["M1"],
            "Beginning": [3],
            "End": [4],
            "Segment": ["Vi fick en kund"],
            "Modified by": ["BK"],
            "Created by": ["AL"],
            "Created": ["2013-06-01"],
        }
    )
    table.to_excel(tmp_path / "segments.xlsx", index=False)
    codings = read_codings(tmp_path / "segments.xlsx")
    row = codings.frame.iloc[0]
    assert row[["source", "organisation", "coder", "code"]].tolist() == ["I1", "K01", "AL", "M1"]
    assert pd.isna(row["start"])
    assert str(codings.first_coded) == "2013-06-01"


def test_a_mapping_for_any_other_table(write):
    path = write("Samtal\tTema\tVem\nI1\tM1\tAL\n")
    assert read_codings(path, {"source": "Samtal", "code": "TEMA", "coder": "vem"}).coders == ("AL",)


def test_columns_that_are_not_found(write):
    path = write("a,b\n1,2\n")
    with pytest.raises(ColumnError, match="any preset finds no column for source and code – header has a, b"):
        read_codings(path)
    with pytest.raises(ColumnError, match="preset 'qualcoder' finds no column for"):
        read_codings(path, "qualcoder")
    with pytest.raises(ColumnError, match="the given mapping finds no column for code"):
        read_codings(path, {"source": "a", "code": "c"})
    with pytest.raises(OptionError, match="there is no preset 'dedoose'"):
        read_codings(path, "dedoose")


def test_rows_without_a_source(write):
    with pytest.raises(CodingError, match=r"codings\.csv row 3: 1 codings name no source"):
        read_codings(write("source,code\nI1,M1\n,M2\n"))


def test_an_empty_table_and_a_missing_file(write, tmp_path):
    with pytest.raises(CodingError, match="not a single interview"):
        read_codings(write("source,code\n"))
    with pytest.raises(FileError, match="cannot be read"):
        read_codings(tmp_path / "none.csv")


def test_positions_that_are_not_whole_numbers_are_left_empty_and_counted(write):
    codings = read_codings(write("source,code,coder,start,end\nI1,M1,AL,12.5,x\nI1,M2,AL,-3,4\n"))
    assert codings.frame["start"].isna().all()
    check = next(item for item in codings.checks() if item.name == "positions that are not whole numbers")
    assert (check.verdict, check.statistic) == ("warn", 3)


def test_quotes_can_be_left_out(write):
    path = write(CANONICAL)
    kept, left = read_codings(path), read_codings(path, quotes=False)
    assert set(left.frame["quote"]) == {""}
    assert list(left.frame["quote_hash"]) == list(kept.frame["quote_hash"])


def test_one_interview_in_two_organisations(write):
    with pytest.raises(CodingError, match="'I1' belongs to several organisations – K01, K02"):
        read_codings(write("source,code,organisation\nI1,M1,K01\nI1,M2,K02\n"))


def test_every_preset_finds_source_and_code():
    assert all({"source", "code"} <= preset.keys() for preset in PRESETS.values())
    with pytest.raises(TypeError):
        PRESETS["mine"] = {}

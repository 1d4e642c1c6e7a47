"""A small survey in the three formats in which waves arrive."""

import pandas as pd
import pytest

from clustereffects.survey import Codebook

TOML = """
[missing]
dont_know = 98
not_applicable = 99

[columns]
"Svarande" = "respondent"
"Organisationsnummer" = "orgnr"
"Klusterorganisation" = "organisation"
"År" = "wave"
"Befattning" = "role"
"G1. Medlemskapet har ökat vår försäljning" = "g1"
"G2. Vi hade vuxit lika mycket ändå" = "g2"
"C1. Medlemskapet har sänkt räntan" = "c1"

[scales.growth]
claim = "value_added_growth"
items = ["g1", "g2"]
reversed = ["g2"]
minimum = 1
maximum = 5
neutral = 3

[scales.control]
items = ["c1"]
minimum = 1
maximum = 5
negative_control = true

[items.g1]
sv = "Medlemskapet har ökat vår försäljning"
en = "Membership has increased our sales"
"""

PLAIN = """respondent;orgnr;organisation;wave;role;g1;g2;c1
R1;556100-0001;K01;2011;Platschef;5;1;3
R2;556100-0001;K01;2011;Ägare;4;98;2
R3;556100-0002;K01;2011;VD;3;2;99
R4;556100-0009;;2011;VD;3;;3
"""

EXPORT = """StartDate,Finished,Status,respondent,orgnr,organisation,wave,role,g1,g2,c1
Start Date,Finished,Response Type,Response ID,Organisationsnummer,Klusterorganisation,År,"Vilken är
din befattning?",Ökat försäljning,Vuxit ändå,Sänkt räntan
"{""ImportId"":""startDate""}","{""ImportId"":""finished""}","{""ImportId"":""status""}","{""ImportId"":""QID1""}","{""ImportId"":""QID2""}","{""ImportId"":""QID3""}","{""ImportId"":""QID4""}","{""ImportId"":""QID5""}","{""ImportId"":""QID6""}","{""ImportId"":""QID7""}","{""ImportId"":""QID8""}"
2013-10-14 09:00:00,1,0,R1,556100-0001,K01,2013,VD,4,2,3
2013-10-14 09:30:00,0,0,R5,556100-0003,K01,2013,VD,5,,
2013-10-14 09:40:00,1,1,R0,556100-0003,K01,2013,Test,1,1,1
2013-10-15 10:00:00,1,0,R4,SE556100000901,,2013,VD,2,4,3
"""


def write_xlsx(path):
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.append(["Medlemsenkät 2012 – svar per den 30 november"])
    sheet.append(
        [
            "Svarande",
            "Organisationsnummer",
            "Klusterorganisation",
            "År",
            "Befattning",
            "G1. Medlemskapet har ökat  vår försäljning",
            "G2. Vi hade vuxit lika mycket ändå",
            "C1. Medlemskapet har sänkt räntan ",
        ]
    )
    sheet.append(["R1", 5561000001, "K01", 2012, "Platschef", 5, 2, 3])
    sheet.append(["R3", "165561000002", "K01", 2012, "VD", 99, 98, None])
    sheet.append(["R4", 5561000009.0, None, 2012, None, 3, 3, 2])
    book.save(path)


@pytest.fixture
def codebook_path(tmp_path):
    path = tmp_path / "codebook.toml"
    path.write_text(TOML, encoding="utf-8")
    return path


@pytest.fixture
def codebook(codebook_path):
    return Codebook.from_toml(codebook_path)


@pytest.fixture
def waves(tmp_path):
    """Latin-1 with semicolons, a workbook with a title row, and the export of a survey tool."""
    paths = [tmp_path / "survey_2011.csv", tmp_path / "survey_2012.xlsx", tmp_path / "survey_2013.csv"]
    paths[0].write_text(PLAIN, encoding="latin-1")
    write_xlsx(paths[1])
    paths[2].write_text(EXPORT, encoding="utf-8-sig")
    return paths


@pytest.fixture
def frame():
    """Four firms in K01, one of them not asked in 2012, and two non-members."""
    rows = [
        (f"556100000{i}", "K01", wave, int((i, wave) != (4, 2012))) for wave in (2011, 2012, 2013) for i in (1, 2, 3, 4)
    ]
    rows += [(f"556100000{i}", None, wave, 1) for wave in (2011, 2012, 2013) for i in (8, 9)]
    return pd.DataFrame(rows, columns=["orgnr", "organisation", "wave", "asked"])

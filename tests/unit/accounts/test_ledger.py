import numpy as np
import pytest

from clustereffects.accounts.ledger import COLUMNS, IntakeLedger, LedgerEntry


def _entry(rows, detail="", **words):
    usual = {"file": "members.csv", "rule": "duplicate row", "action": "dropped", "remedy": "none needed"}
    return LedgerEntry(**{**usual, **words}, rows=rows, detail=detail)


def test_frame_has_one_line_per_row_in_the_order_of_the_file():
    ledger = IntakeLedger().record(
        _entry([9, 4], ["second", "first"]), _entry([4], rule="wrong check digit", action="flagged"), _entry([])
    )
    frame = ledger.to_frame()
    assert tuple(frame.columns) == COLUMNS
    assert frame["row"].tolist() == [4, 4, 9]
    assert frame["detail"].tolist() == ["first", "", "second"]
    assert frame["action"].tolist() == ["dropped", "flagged", "dropped"]
    assert len(ledger.entries) == 2


def test_ledgers_add_up_and_do_not_change():
    one = IntakeLedger().record(_entry([4]))
    two = one + IntakeLedger().record(_entry([9], file="accounts.csv"))
    assert len(one.entries) == 1
    assert two.rows("duplicate row").tolist() == [4, 9]
    assert two.rows("unheard of").tolist() == []
    assert two.counts()[["file", "rows"]].values.tolist() == [["members.csv", 1], ["accounts.csv", 1]]
    with pytest.raises(ValueError, match="read-only"):
        one.entries[0].rows[0] = 1


def test_empty_ledger_has_the_columns():
    frame = IntakeLedger().to_frame()
    assert tuple(frame.columns) == COLUMNS
    assert frame.empty
    assert IntakeLedger().counts().empty


def test_a_hundred_thousand_rows_of_one_rule():
    frame = IntakeLedger().record(_entry(np.arange(100_000))).to_frame()
    assert len(frame) == 100_000
    assert frame["rule"].nunique() == 1


def test_actions_and_details_are_checked():
    with pytest.raises(ValueError, match="repaired, dropped or flagged, not 'deleted'"):
        _entry([1], action="deleted")
    with pytest.raises(ValueError, match="1 details for 2 rows"):
        _entry([1, 2], ["only one"])

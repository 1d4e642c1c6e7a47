"""Panel, sample account, and the door for frames and files."""

from clustereffects.data._columns import missing_columns, require_columns, shown
from clustereffects.data.account import SampleAccount
from clustereffects.data.files import TableFile, read_table, to_number
from clustereffects.data.panel import Panel, to_pandas

__all__ = [
    "Panel",
    "SampleAccount",
    "TableFile",
    "missing_columns",
    "read_table",
    "require_columns",
    "shown",
    "to_number",
    "to_pandas",
]

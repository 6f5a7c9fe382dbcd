"""Tables: CSV, Parquet and Feather files as rows of numbers; pyarrow reads them, and is imported on use."""

from xpnet.data.tables.formats import is_table
from xpnet.data.tables.reader import Table, read_table

__all__ = ["Table", "is_table", "read_table"]

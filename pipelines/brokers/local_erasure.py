"""Take the content out of records of the embedded log: places and offsets stay, so that no reader stumbles."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.domain import Record
from pipelines.brokers.local_file import LogFile, row_id


def empty_records(file: LogFile, records: Sequence[Record]) -> None:
    """Empty `records`; their bytes are overwritten, in the file and in what SQLite writes ahead of it."""
    with file.writing() as connection:
        connection.execute("PRAGMA secure_delete=ON")
        rows = connection.execute("SELECT topic, idx, pid FROM partitions").fetchall()
        numbers = {(topic, index): pid for topic, index, pid in rows}
        places = [(row_id(numbers[record.topic, record.partition], record.offset),) for record in records]
        connection.executemany("UPDATE records SET key = NULL, value = x'' WHERE id = ?", places)
    with file.translated():
        file.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

"""Many rows in one statement, the fastest way each database has.

SQLite: `executemany`. PostgreSQL: `INSERT .. SELECT FROM unnest(..)`, one array a column; multi-row `VALUES` is an
order of magnitude slower. Callers sort rows by key, so that two workers take row locks in the same order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter

from sqlalchemy import ARRAY, BigInteger, Column, Connection, Select, Table, Text, bindparam, case, func, select
from sqlalchemy.dialects import postgresql, sqlite

from monitor.store.values import to_json

Row = Mapping[str, object]
_Insert = postgresql.Insert | sqlite.Insert


def add_rows(
    tx: Connection,
    table: Table,
    rows: Sequence[Row],
    *,
    sums: Sequence[str] = (),
    highest: Sequence[str] = (),
    lowest: Sequence[str] = (),
) -> int:
    """Insert `rows`. Where a key is there already: add to `sums`, raise `highest`, lower `lowest`, leave the others.

    Returns how many rows were inserted or changed.
    """
    if not rows:
        return 0
    statement = _insert(tx, table, rows)
    new = statement.excluded
    changes = {name: table.c[name] + new[name] for name in sums}
    changes |= {name: case((new[name] > table.c[name], new[name]), else_=table.c[name]) for name in highest}
    changes |= {name: case((new[name] < table.c[name], new[name]), else_=table.c[name]) for name in lowest}
    if changes:
        statement = statement.on_conflict_do_update(index_elements=_key(table), set_=changes)
    else:
        statement = statement.on_conflict_do_nothing()
    if tx.dialect.name == "sqlite":
        return _add_to_sqlite(tx, statement, rows)
    return tx.execute(statement, _parameters(tx, rows), execution_options={"preserve_rowcount": True}).rowcount


def _add_to_sqlite(tx: Connection, statement: _Insert, rows: Sequence[Row]) -> int:
    """Hand the rows to the driver as they are: one by one through SQLAlchemy takes longer than to write them."""
    names = list(rows[0])
    compiled = statement.compile(dialect=tx.dialect, column_keys=names)
    places = compiled.positiontup or names
    values = list(map(itemgetter(*places), rows)) if len(places) > 1 else [(row[places[0]],) for row in rows]
    return tx.exec_driver_sql(str(compiled), values, execution_options={"preserve_rowcount": True}).rowcount


def replace_rows(tx: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert `rows`; where a key is there already, the new row takes the place of the old."""
    if not rows:
        return
    statement = _insert(tx, table, rows)
    key = _key(table)
    changes = {name: statement.excluded[name] for name in rows[0] if name not in key}
    tx.execute(statement.on_conflict_do_update(index_elements=key, set_=changes), _parameters(tx, rows))


def add_new(tx: Connection, table: Table, rows: Sequence[Row]) -> set[str]:
    """Insert those of `rows` whose key is not there yet; returns their keys. The key is one text column.

    On PostgreSQL a row that another transaction is inserting is waited for, so of two workers just one gets the key.
    On SQLite nobody else writes in the meantime.
    """
    if not rows:
        return set()
    key: Column[str] = next(iter(table.primary_key))
    if tx.dialect.name == "postgresql":
        statement = _insert(tx, table, rows).on_conflict_do_nothing()
        return set(tx.execute(statement.returning(key), _parameters(tx, rows)).scalars())
    held = find_keys(tx, key, [str(row[key.name]) for row in rows])
    fresh = [row for row in rows if row[key.name] not in held]
    add_rows(tx, table, fresh)
    return {str(row[key.name]) for row in fresh}


def find_keys(tx: Connection, key: Column[str], wanted: Sequence[str]) -> set[str]:
    """Those of `wanted` that stand in `key`."""
    return set(tx.execute(select(key).where(key.in_(any_of(tx, wanted)))).scalars())


def any_of(tx: Connection, texts: Sequence[str]) -> Select[tuple[str]]:
    """`texts` as a subquery of one column: any number of them is one parameter."""
    if tx.dialect.name == "postgresql":
        array = bindparam("any_of", list(texts), type_=ARRAY(Text))
        return select(func.unnest(array).table_valued("value").render_derived().c.value)
    return select(func.json_each(to_json(list(texts))).table_valued("value").c.value)


def any_number_of(tx: Connection, numbers: Sequence[int]) -> Select[tuple[int]]:
    """`numbers` as `any_of` has texts."""
    if tx.dialect.name == "postgresql":
        array = bindparam("any_number_of", list(numbers), type_=ARRAY(BigInteger))
        return select(func.unnest(array).table_valued("value").render_derived().c.value)
    return select(func.json_each(to_json(list(numbers))).table_valued("value").c.value)


def _key(table: Table) -> list[str]:
    return [column.name for column in table.primary_key]


def _insert(tx: Connection, table: Table, rows: Sequence[Row]) -> _Insert:
    """An insert that takes the parameters of `_parameters`."""
    if tx.dialect.name == "sqlite":
        return sqlite.insert(table)
    names = list(rows[0])
    arrays = [bindparam(name, type_=ARRAY(table.c[name].type)) for name in names]
    given = func.unnest(*arrays).table_valued(*names).render_derived()
    return postgresql.insert(table).from_select(names, select(*(given.c[name] for name in names)))


def _parameters(tx: Connection, rows: Sequence[Row]) -> list[dict[str, object]] | dict[str, list[object]]:
    if tx.dialect.name == "sqlite":
        return [dict(row) for row in rows]
    return {name: [row[name] for row in rows] for name in rows[0]}

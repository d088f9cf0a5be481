"""Consumer groups of the embedded log: members with leases, who reads which partition, who may commit.

A partition changes hands in two steps: it gets an heir, and the reader lets go of it when it polls next, which it does
with nothing in hand. So nothing is read twice, except from a reader whose lease ran out: its partitions are taken.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Collection, Mapping

from monitor.errors import FencedError
from pipelines.brokers.local_file import LogFile


def share(members: Collection[str], partitions: Collection[int], current: Mapping[int, str]) -> dict[int, str]:
    """Who shall read which of `partitions`: evenly, moving as little as can be from `current`."""
    if not members:
        return {}
    order = sorted(members)
    held: dict[str, list[int]] = {member: [] for member in order}
    free: list[int] = []
    for pid in sorted(partitions):
        holder = current.get(pid)
        held.get(holder or "", free).append(pid)
    # Those that hold most keep the larger shares, where the partitions do not come out even.
    order.sort(key=lambda member: -len(held[member]))
    least, larger = divmod(len(partitions), len(order))
    quota = {member: least + (place < larger) for place, member in enumerate(order)}
    for member in order:
        free += held[member][quota[member] :]
        del held[member][quota[member] :]
    for member in order:
        while len(held[member]) < quota[member]:
            held[member].append(free.pop())
    return {pid: member for member, pids in held.items() for pid in pids}


class Membership:
    """One member of one group. Every instant is in seconds since 1970, the one clock that processes share."""

    def __init__(self, file: LogFile, *, group: str, topics: Collection[str], lease_s: float) -> None:
        self._file = file
        self._group = group
        self._topics = sorted(topics)
        self._lease_s = lease_s
        self.member: str | None = None  #: None: not in the group, at first or because the lease ran out.

    def refresh(self, now_s: float) -> frozenset[int]:
        """Join or come back if need be, let go of what others shall have; returns the partitions to read now.

        To be called with nothing in hand.
        """
        with self._file.reading() as connection:
            settled = self._is_settled(connection, now_s)
            mine = self._mine(connection)
        if settled:
            return mine
        with self._file.writing() as connection:
            if not self._is_member(connection):
                self._join(connection, now_s)
            self._expire(connection, now_s)
            connection.execute(
                "UPDATE owners SET member = heir WHERE grp = ? AND member = ?", (self._group, self.member)
            )
            self._share(connection)
            return self._mine(connection)

    def renew(self, now_s: float) -> None:
        """Lengthen the lease; a lease that ran out and was noticed by others stays lost."""
        with self._file.writing() as connection:
            connection.execute(
                "UPDATE members SET expires_at = ? WHERE grp = ? AND member = ?",
                (now_s + self._lease_s, self._group, self.member),
            )

    def leave(self) -> None:
        """Hand everything over at once."""
        if self.member is None:
            return
        with self._file.writing() as connection:
            self._remove(connection, self.member)
            self._share(connection)
        self.member = None

    def commit(self, next_offsets: Mapping[int, int]) -> None:
        """Store the group's next offsets; `FencedError`, storing nothing, when one is not this member's to store."""
        with self._file.writing() as connection:
            foreign = next_offsets.keys() - self._mine(connection)
            if foreign or not self._is_member(connection):
                raise FencedError(f"group {self._group}: {len(foreign)} partitions belong to another member by now")
            connection.executemany(
                "INSERT INTO offsets (grp, pid, next) VALUES (?, ?, ?)"
                " ON CONFLICT (grp, pid) DO UPDATE SET next = excluded.next",
                [(self._group, pid, offset) for pid, offset in next_offsets.items()],
            )

    def committed(self) -> dict[int, int]:
        """The group's next offsets by partition; at first the earliest record kept."""
        with self._file.reading() as connection:
            rows = connection.execute(
                "SELECT p.pid, MAX(o.next, p.first_offset) FROM offsets o JOIN partitions p ON p.pid = o.pid"
                " WHERE o.grp = ?",
                (self._group,),
            )
            return dict(rows.fetchall())

    def _is_settled(self, connection: sqlite3.Connection, now_s: float) -> bool:
        """True when there is nothing to join, let go or take over: the common case, and it writes nothing."""
        if not self._is_member(connection):
            return False
        waiting = connection.execute(
            "SELECT EXISTS (SELECT 1 FROM owners WHERE grp = ?1 AND member = ?2 AND heir <> ?2)"
            " OR EXISTS (SELECT 1 FROM members WHERE grp = ?1 AND member <> ?2 AND expires_at <= ?3)",
            (self._group, self.member, now_s),
        ).fetchone()
        return not waiting[0] and self._unowned(connection) == 0

    def _is_member(self, connection: sqlite3.Connection) -> bool:
        found = connection.execute(
            "SELECT 1 FROM members WHERE grp = ? AND member = ?", (self._group, self.member)
        ).fetchone()
        return found is not None

    def _mine(self, connection: sqlite3.Connection) -> frozenset[int]:
        rows = connection.execute("SELECT pid FROM owners WHERE grp = ? AND member = ?", (self._group, self.member))
        return frozenset(pid for (pid,) in rows)

    def _unowned(self, connection: sqlite3.Connection) -> int:
        """Partitions of our topics that nobody reads: the topic is new."""
        marks = ",".join("?" * len(self._topics))
        found = connection.execute(
            f"SELECT COUNT(*) FROM partitions p WHERE topic IN ({marks})"  # noqa: S608 - question marks only
            " AND NOT EXISTS (SELECT 1 FROM owners o WHERE o.grp = ? AND o.pid = p.pid)",
            (*self._topics, self._group),
        ).fetchone()
        return int(found[0])

    def _join(self, connection: sqlite3.Connection, now_s: float) -> None:
        # A new name at each entry: a commit under the old one is then known to be stale.
        self.member = uuid.uuid4().hex
        connection.execute(
            "INSERT INTO members (grp, member, topics, expires_at) VALUES (?, ?, ?, ?)",
            (self._group, self.member, json.dumps(self._topics), now_s + self._lease_s),
        )

    def _expire(self, connection: sqlite3.Connection, now_s: float) -> None:
        gone = connection.execute(
            "SELECT member FROM members WHERE grp = ? AND member <> ? AND expires_at <= ?",
            (self._group, self.member, now_s),
        ).fetchall()
        for (member,) in gone:
            self._remove(connection, member)

    def _remove(self, connection: sqlite3.Connection, member: str) -> None:
        connection.execute("DELETE FROM members WHERE grp = ? AND member = ?", (self._group, member))
        connection.execute("DELETE FROM owners WHERE grp = ? AND member = ?", (self._group, member))

    def _share(self, connection: sqlite3.Connection) -> None:
        """Set the heirs of every partition of the group's topics; one without a reader is its heir's at once."""
        connection.execute(
            "DELETE FROM owners WHERE grp = ?1 AND member NOT IN (SELECT member FROM members WHERE grp = ?1)",
            (self._group,),
        )
        wanted = self._subscriptions(connection)
        rows = connection.execute("SELECT pid, member FROM owners WHERE grp = ?", (self._group,))
        readers: dict[int, str] = dict(rows.fetchall())
        for topic, members in wanted.items():
            found = connection.execute("SELECT pid FROM partitions WHERE topic = ?", (topic,))
            heirs = share(members, [pid for (pid,) in found], readers)
            connection.executemany(
                "INSERT INTO owners (grp, pid, member, heir) VALUES (?1, ?2, ?3, ?3)"
                " ON CONFLICT (grp, pid) DO UPDATE SET heir = excluded.heir",
                [(self._group, pid, heir) for pid, heir in heirs.items()],
            )
            # The group's place is on record from its first day, so that nothing it still has to read is deleted.
            connection.executemany(
                "INSERT OR IGNORE INTO offsets (grp, pid, next) SELECT ?1, pid, first_offset FROM partitions"
                " WHERE pid = ?2",
                [(self._group, pid) for pid in heirs],
            )

    def _subscriptions(self, connection: sqlite3.Connection) -> dict[str, list[str]]:
        by_topic: dict[str, list[str]] = {}
        for member, topics in connection.execute("SELECT member, topics FROM members WHERE grp = ?", (self._group,)):
            for topic in json.loads(topics):
                by_topic.setdefault(topic, []).append(member)
        return by_topic

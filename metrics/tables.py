"""What of the samples stands in PostgreSQL. Only `metrics` writes these rows."""

from datetime import datetime

from sqlalchemy import BigInteger, Identity, Index, LargeBinary, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from kit.db import Base


class Series(Base):
    """One label set that has chunks; never changed. `key` is a hash of the canonical labels."""

    __tablename__ = "series"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    client: Mapped[str] = mapped_column(index=True)
    labels: Mapped[dict[str, str]]
    key: Mapped[bytes] = mapped_column(LargeBinary(16), unique=True)


class Chunk(Base):
    """Samples of one series within one hour; where two overlap, the greater id is believed.

    Times are milliseconds since 1970. There is no foreign key: a check for each row would cost
    more than the copy, and whoever deletes series deletes their chunks first. Those that are not
    `packed` are small ones as flushes wrote them, less than a quarter full.
    `metrics/partitions.py` has a table for each day.
    """

    __tablename__ = "chunks"
    __table_args__ = (
        Index("ix_chunks_loose", "start_at", postgresql_where=text("NOT packed")),
        {"postgresql_partition_by": "RANGE (start_at)"},
    )

    series: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    start_at: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    end_at: Mapped[int] = mapped_column(BigInteger)
    count: Mapped[int]
    packed: Mapped[bool]
    body: Mapped[bytes]


class Rollup:
    """What is kept of one series and day in steps: a body of the codec for each part of them.

    `day` counts from 1970, in UTC; its steps end after its beginning and up to its end. A part
    is NULL where there is nothing to tell. Written anew as a whole when samples came for the day.
    """

    series: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    day: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    firsts: Mapped[bytes | None]
    lasts: Mapped[bytes | None]
    counts: Mapped[bytes | None]
    sums: Mapped[bytes | None]
    lows: Mapped[bytes | None]
    highs: Mapped[bytes | None]
    lost: Mapped[bytes | None]


class Rollup5m(Rollup, Base):
    """Steps of five minutes; `metrics/partitions.py` has a table for each seven days."""

    __tablename__ = "rollups_5m"
    __table_args__ = ({"postgresql_partition_by": "RANGE (day)"},)


class Rollup1h(Rollup, Base):
    """Steps of an hour; a table for each 28 days."""

    __tablename__ = "rollups_1h"
    __table_args__ = ({"postgresql_partition_by": "RANGE (day)"},)


class RollupDay(Base):
    """A day for which chunks were written: how often, and up to which of these it is rolled up.

    Only the writer of chunks counts `touched` up, in the transaction of the chunks.
    """

    __tablename__ = "rollup_days"

    day: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    touched: Mapped[int] = mapped_column(BigInteger)
    made: Mapped[int] = mapped_column(BigInteger)
    touched_at: Mapped[datetime]


class KeptSince(Base):
    """From when on (ms since 1970) all of `what` is kept: raw samples, or a step. No row: all."""

    __tablename__ = "kept_since"

    what: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[int] = mapped_column(BigInteger)


class Deletion(Base):
    """The place in the journal up to which no sample of a client may come back."""

    __tablename__ = "deletions"

    client: Mapped[str] = mapped_column(primary_key=True)
    segment: Mapped[int] = mapped_column(BigInteger)
    offset: Mapped[int] = mapped_column(BigInteger)


class DeletedSeries(Base):
    """A series that was taken away and whose chunks are still to be deleted."""

    __tablename__ = "deleted_series"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


class JournalMark(Base):
    """The place in the journal of `folder` up to which chunks hold every sample; one row."""

    __tablename__ = "journal_marks"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    segment: Mapped[int] = mapped_column(BigInteger)
    offset: Mapped[int] = mapped_column(BigInteger)
    folder: Mapped[str]


class PushedGroup(Base):
    """What a job has pushed under one set of labels, until somebody takes it away.

    `key` is a hash of sender and labels; `sender` is the client of the token, empty for one of all
    clients; `families` is JSON, each value as text.
    """

    __tablename__ = "pushed_groups"

    key: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    sender: Mapped[str] = mapped_column(index=True)
    labels: Mapped[dict[str, str]]
    families: Mapped[bytes]
    pushed_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]

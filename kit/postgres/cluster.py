"""The database's folder: made once, checked at each start, and how the server is told to run."""

import logging
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

from sqlalchemy import URL

from kit.postgres import child, files
from kit.postgres.errors import CannotStart
from kit.postgres.footing import Footing
from kit.postgres.launch import Order
from kit.postgres.log import Log
from kit.postgres.programs import Programs
from kit.postgres.sockets import PORT

log = logging.getLogger(__name__)

PASSWORDS = "pgpass"
ROLE = DATABASE = "langyan"
PASSWORDS = "pgpass"

# Given on the command line: nothing that stands in the folder overrules it.
FLAGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "superuser_reserved_connections": "2",
    "shared_buffers": "128MB",
    "max_locks_per_transaction": "128",
    "max_worker_processes": "4",
    "max_parallel_workers": "2",
    "max_wal_size": "512MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
}
DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
FLEETING = {name: "off" for name in DURABLE} | {"autovacuum": "off", "max_wal_size": "1GB"}


def url_of(folder: Path, socket: Path) -> str:
    """Return how SQLAlchemy reaches the database of `folder`; the password stays in its file."""
    query = {"host": str(socket), "port": str(PORT), "passfile": str(folder / PASSWORDS)}
    # all in the query: asyncpg's own URLs take a port before the slash for a host as well
    return str(URL.create("postgresql+asyncpg", ROLE, database=DATABASE, query=query))


@dataclass(frozen=True)
class Cluster:
    """One folder with one PostgreSQL in it: `data`, the password, the log, the socket."""

    folder: Path
    programs: Programs
    footing: Footing
    durable: bool

    @property
    def data(self) -> Path:
        """What PostgreSQL calls its data directory."""
        return self.folder / "data"

    @property
    def log(self) -> Log:
        """The server's log."""
        return Log(self.folder / "postgres.log")

    @property
    def password_file(self) -> Path:
        """The password, in the form of a .pgpass that we alone can read."""
        return self.folder / PASSWORDS

    def url(self, socket: Path) -> str:
        """Return how SQLAlchemy reaches it; the password stays in its file."""
        return url_of(self.folder, socket)

    def serve(self, socket: Path) -> Order:
        """Return the order that runs the server; it shuts down fast when we end."""
        flags = FLAGS | (DURABLE if self.durable else FLEETING)
        flags["unix_socket_directories"] = '"' + str(socket).replace('"', '""') + '"'
        command = [self.programs.path("postgres"), "-D", str(self.data)]
        for name, value in flags.items():
            command += ["-c", f"{name}={value}"]
        show = [socket, *self.programs.folders]
        return self.footing.order(command, folder=self.data, show=show, death=Signals.SIGINT)

    def prepare(self) -> None:
        """Make the database if there is none; see that it is ours and of our version."""
        if self.data.exists():
            self._check()
        else:
            self._create()

    def _check(self) -> None:
        found = files.read(self.data / "PG_VERSION").strip()
        if found != str(self.programs.major):
            raise CannotStart(
                f"{self.data} was written by PostgreSQL {found or '(unknown)'}, and this Langyan "
                f"brings PostgreSQL {self.programs.major}: run `langyan upgrade-database`, which "
                "moves it over and keeps the old one aside"
            )
        if not self.password_file.exists():
            raise CannotStart(f"{self.password_file} is missing: put it back from a backup")
        if self.data.stat().st_uid != self.footing.owner:
            files.own(self.data, self.footing.owner)

    def _create(self) -> None:
        log.info("making a database in %s", self.folder)
        fresh = self.folder / "data.new"
        if fresh.exists():  # an earlier start was interrupted
            shutil.rmtree(fresh)
        fresh.mkdir(mode=0o700)
        password = secrets.token_urlsafe(24)
        files.write(self.password_file, f"*:*:*:{ROLE}:{password}\n")
        footing = self.footing.named()
        if os.geteuid() == 0:
            files.own(fresh, footing.owner)
        for program, options, given in (
            ("initdb", self._initdb(), ""),
            ("postgres", ["--single", "-j", "-c", "exit_on_error=on"], _first(fresh, password)),
        ):
            database = ["postgres"] if program == "postgres" else []
            command = [self.programs.path(program), *options, "-D", str(fresh), *database]
            show = self.programs.folders
            child.run(footing.order(command, folder=fresh, show=show, death=Signals.SIGKILL), given)
        if footing != self.footing:
            files.own(fresh, self.footing.owner)
        fresh.rename(self.data)
        files.sync(self.folder)

    def _initdb(self) -> list[str]:
        return [
            "--username=postgres",  # cannot log in: no line of pg_hba.conf lets it
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--data-checksums",
            "--auth=reject",
            "--no-instructions",
            *([] if self.durable else ["--no-sync"]),
        ]


def _first(data: Path, password: str) -> str:
    """Return what is said to a new database; the server itself writes who may connect."""
    rules = str(data / "pg_hba.conf").replace("'", "''")
    statements = (
        f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{password}'",
        f"GRANT pg_monitor TO {ROLE}",
        f"CREATE DATABASE {DATABASE} OWNER {ROLE}",
        f"COPY (SELECT 'local all {ROLE} scram-sha-256') TO '{rules}'",
    )
    return "".join(f"{statement};\n\n" for statement in statements)

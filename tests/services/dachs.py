"""A TAP server of one's own: GAVO DaCHS on PostgreSQL, on this machine, on free ports, in a folder.

    table = ServedTable("gaiadr3.gaia_source", frame, ra="ra", dec="dec", key="source_id")
    with TapServer([table]) as server:
        pyvo.dal.TAPService(server.url).search("SELECT * FROM gaiadr3.gaia_source")

Needs Debian 12 and, to install what is missing, root (``packages.TAP_PACKAGES``). Root runs PostgreSQL
as the user postgres, anyone else as himself. Nothing outside of the folder is written and no other
PostgreSQL is touched.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.services.packages import TAP_PACKAGES, UnavailableError, ensure
from tests.services.served_tables import ServedTable, column_names, descriptor, rows_as_csv

_POSTGRES = Path("/usr/lib/postgresql/15")
_EXTENSIONS = Path("/usr/share/postgresql/15/extension")
_PYTHON = Path("/usr/bin/python3")
_NEEDED = (
    _POSTGRES / "bin" / "initdb",
    _EXTENSIONS / "q3c.control",
    _EXTENSIONS / "pg_sphere.control",
    Path("/usr/lib/python3/dist-packages/gavo/__init__.py"),
)
_DATABASE = "gavo2"
_START_SECONDS = 60.0

_SETTINGS = """\
[general]
rootDir: {root}
group: {group}
[web]
user: {user}
bindAddress: 127.0.0.1
serverPort: {port}
serverURL: http://127.0.0.1:{port}
sitename: MALCA tests
[ivoa]
authority: x-malca-test
[db]
profilePath: {root}/etc
[async]
maxTAPRunning: 4
defaultMAXREC: {default_rows}
hardMAXREC: {most_rows}
"""

_CLUSTER = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{folder}'
fsync = off
max_connections = 60
shared_buffers = 64MB
"""


class TapServer:
    """A TAP server that serves tables under the names they have at the real services.

    Parameters
    ----------
    tables : iterable of ServedTable
        More can follow while it runs (``publish``).
    default_rows, most_rows : int
        Rows of an answer where a query does not say how many (MAXREC), and at most. Beyond them
        the answer says OVERFLOW. The first is what ESA's archive gives to a synchronous query.
    port : int, optional
        Port of the service; by default a free one.

    Attributes
    ----------
    url : str
        Of the TAP service.
    folder : Path
        Of everything; gone at the end unless ``keep`` is set.
    """

    def __init__(
        self,
        tables: Iterable[ServedTable] = (),
        *,
        default_rows: int = 2000,
        most_rows: int = 3_000_000,
        port: int | None = None,
    ) -> None:
        self._tables = list(tables)
        self._limits = {"default_rows": default_rows, "most_rows": most_rows}
        self._port = port
        self._served: dict[str, list[ServedTable]] = {}
        self._postgres: subprocess.Popen[bytes] | None = None
        self._dachs: subprocess.Popen[bytes] | None = None
        self.keep = False

    def __enter__(self) -> TapServer:
        ensure(TAP_PACKAGES, _NEEDED)
        self.folder = Path(tempfile.mkdtemp(prefix="malca-tap-"))
        self.folder.chmod(0o755)  # the user postgres has to come in
        try:
            self._make_cluster()
            self._make_dachs()
            self.publish(self._tables)
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/tap"

    @property
    def log(self) -> str:
        """Last lines of what DaCHS and PostgreSQL wrote."""
        texts = []
        for path in [*sorted(self.folder.glob("*.log")), self.folder / "dachs" / "logs" / "dcErrors"]:
            if path.is_file():
                lines = path.read_text(errors="replace").splitlines()[-25:]
                texts.append("\n".join([f"--- {path.name}", *lines]))
        return "\n".join(texts)

    def start(self) -> None:
        """Start the service, also after ``kill``; returns when it answers."""
        if self._dachs is not None:
            return
        command = [*_until_we_die("KILL"), str(self._command), "serve", "debug"]
        with (self.folder / "dachs.log").open("ab") as log:
            self._dachs = subprocess.Popen(
                command, env=self._environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        until = time.monotonic() + _START_SECONDS
        while not self.answers():
            if self._dachs.poll() is not None or time.monotonic() > until:
                raise UnavailableError(f"DaCHS does not start\n{self.log}")
            time.sleep(0.1)

    def kill(self) -> None:
        """Kill the service where it stands, and its jobs with it; the tables stay."""
        if self._dachs is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._dachs.pid, signal.SIGKILL)
            self._dachs.wait()
            self._dachs = None

    def stop(self) -> None:
        """Stop everything and, unless it is to be kept, remove the folder."""
        self.kill()
        if self._postgres is not None:
            self._postgres.send_signal(signal.SIGINT)  # fast shutdown
            try:
                self._postgres.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._postgres.send_signal(signal.SIGQUIT)  # at once
                self._postgres.wait(timeout=20)
            self._postgres = None
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def answers(self) -> bool:
        """Whether the service is there."""
        try:
            with urllib.request.urlopen(f"{self.url}/availability", timeout=2) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    def publish(self, tables: Iterable[ServedTable]) -> None:
        """Serve tables, instead of those of the same names."""
        new = list(tables)
        for table in new:
            served = self._served.setdefault(table.schema, [])
            served[:] = [other for other in served if other.name != table.name] + [table]
        schemas = sorted({table.schema for table in new})
        running = self._dachs is not None
        self.kill()
        for schema in schemas:
            path = self.folder / "dachs" / "inputs" / schema / "q.rd"
            path.parent.mkdir(exist_ok=True)
            path.write_text(descriptor(schema, self._served[schema]))
        if schemas:
            self._run(str(self._command), "many-imp", *(f"{schema}/q" for schema in schemas))
        # importing a descriptor makes all tables of its schema anew
        for table in (table for schema in schemas for table in self._served[schema]):
            columns = ", ".join(column_names(table))
            copied = f"COPY {table.name} ({columns}) FROM STDIN WITH (FORMAT csv, NULL '\\N')"
            self.sql(copied, rows_as_csv(table))
        if schemas:
            self.sql("ANALYZE")
        if running:
            self.start()

    def sql(self, command: str, given: str = "") -> str:
        """Run SQL as the owner of the database, behind the service's back; rows as text."""
        return self._run(*self._psql, "-c", command, given=given).strip()

    @contextlib.contextmanager
    def held(self, table: str) -> Iterator[None]:
        """Lock a table, so that whoever queries it waits."""
        session = subprocess.Popen(
            self._psql, env=self._environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert session.stdin is not None
        assert session.stdout is not None
        try:
            session.stdin.write(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; SELECT 'held';\n")
            session.stdin.flush()
            while session.stdout.readline().strip() != "held":
                if session.poll() is not None:
                    raise RuntimeError(f"{table} cannot be locked")
            yield
        finally:
            session.communicate("ROLLBACK;\n", timeout=20)

    def wait_for_query(self, n_queries: int = 1, seconds: float = 30.0) -> None:
        """Return once so many queries wait for a table that is held."""
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        until = time.monotonic() + seconds
        while int(self.sql(waiting)) < n_queries:
            if time.monotonic() > until:
                raise TimeoutError("no query waits")
            time.sleep(0.05)

    @property
    def _command(self) -> Path:
        return self.folder / "bin" / "dachs"

    @property
    def _psql(self) -> list[str]:
        program = str(_POSTGRES / "bin" / "psql")
        options = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1"]
        return [program, *options, "-p", str(self._database_port), "-d", _DATABASE]

    def _make_cluster(self) -> None:
        home = self.folder / "postgres"
        home.mkdir()
        identity: dict[str, object] = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            owner = pwd.getpwnam("postgres")
            os.chown(home, owner.pw_uid, owner.pw_gid)
            identity = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        self._environment = {
            "PATH": f"{self.folder / 'bin'}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "PGOPTIONS": "-c client_min_messages=warning",
            "HOME": str(self.folder),
            "GAVOSETTINGS": str(self.folder / "gavo.rc"),
            "GAVOCUSTOM": str(self.folder / "none"),
        }
        data, programs = home / "data", _POSTGRES / "bin"
        self._run(
            str(programs / "initdb"), "-D", str(data), "-E", "UTF8", "--locale=C.UTF-8", "-A", "trust",
            "-U", "postgres", "--no-sync", cwd=home, **identity,
        )  # fmt: skip
        self._database_port = free_port()
        with (data / "postgresql.conf").open("a") as file:
            file.write(_CLUSTER.format(port=self._database_port, folder=home))
        with (self.folder / "postgres.log").open("ab") as log:
            self._postgres = subprocess.Popen(
                [*_until_we_die("INT"), str(programs / "postgres"), "-D", str(data)],
                env=self._environment, cwd=home, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True, **identity,
            )  # fmt: skip
        until = time.monotonic() + _START_SECONDS
        there = [
            str(programs / "pg_isready"),
            "-q",
            "-U",
            "postgres",
            "-h",
            "127.0.0.1",
            "-p",
            str(self._database_port),
        ]
        while subprocess.run(there, env=self._environment, check=False).returncode:
            if self._postgres.poll() is not None or time.monotonic() > until:
                raise UnavailableError(f"PostgreSQL does not start\n{self.log}")
            time.sleep(0.1)
        there = ["-h", "127.0.0.1", "-p", str(self._database_port), "-U", "postgres"]
        us = pwd.getpwuid(os.geteuid()).pw_name
        if us != "postgres":
            self._run(str(programs / "createuser"), *there, "-s", us)
        self._run(
            str(programs / "createdb"), *there, "--encoding=UTF-8", "--template=template0", _DATABASE
        )
        self._load_pg_sphere()

    def _load_pg_sphere(self) -> None:
        """Load pg_sphere, which PostgreSQL 15.20 refuses as Debian 12 packages it.

        Two of its 380 operators, ``@`` of a point in a MOC, name a commutator and a negator that
        belong to ``<@``. These are hints to the planner: they are left out, and the script run as
        CREATE EXTENSION would.
        """
        with contextlib.suppress(UnavailableError):
            self.sql("CREATE EXTENSION pg_sphere")
            return
        script = (_EXTENSIONS / "pg_sphere--1.2.0.sql").read_text()
        script = re.sub(r"(?m)^\\echo.*$", "", script).replace("MODULE_PATHNAME", "$libdir/pg_sphere")
        hints = r"\s*COMMUTATOR\s*=\s*'@>',\s*NEGATOR\s*=\s*'!<@',"
        script = re.sub(
            r"CREATE OPERATOR @ \([^;]*\bsmoc\b[^;]*;",
            lambda operator: re.sub(hints, "", operator[0]),
            script,
        )
        known = (
            "INSERT INTO pg_extension "
            "(oid, extname, extowner, extnamespace, extrelocatable, extversion) "
            "SELECT 99999, 'pg_sphere', 10, oid, true, '1.2.0' "
            "FROM pg_namespace WHERE nspname = 'public';"
        )
        self._run(*self._psql, "--single-transaction", "-f", "-", given=script + known)

    def _make_dachs(self) -> None:
        root, command = self.folder / "dachs", self._command
        command.parent.mkdir()
        shutil.copy(Path(__file__).with_name("dachs_command.py"), command)
        command.chmod(0o755)
        command.with_name("gavo").symlink_to(command)  # as jobs are started
        self._port = self._port or free_port()
        settings = {
            "root": root,
            "port": self._port,
            "user": pwd.getpwuid(os.geteuid()).pw_name,
            "group": grp.getgrgid(os.getegid()).gr_name,
        }
        (self.folder / "gavo.rc").write_text(_SETTINGS.format(**settings, **self._limits))
        root.mkdir()
        self._run(
            str(command), "init", "-d", f"dbname={_DATABASE} host=127.0.0.1 port={self._database_port}"
        )

    def _run(self, *command: str, given: str = "", **options: object) -> str:
        done = subprocess.run(
            command, check=False, env=self._environment, input=given, capture_output=True, text=True,
            **options,
        )  # type: ignore[call-overload]  # fmt: skip
        with (self.folder / "commands.log").open("a") as log:
            log.write(f"$ {' '.join(command)}\n{done.stdout[-5000:]}{done.stderr[-5000:]}")
        if done.returncode:
            raise UnavailableError(f"{' '.join(command)}: {(done.stderr or done.stdout)[-3000:]}")
        return done.stdout


def _until_we_die(name: str) -> list[str]:
    """Command that lets another get a signal when we die, so that nothing outlives us."""
    return ["setpriv", "--pdeathsig", name, "--"]


def free_port() -> int:
    """Tell a port of this machine that is free now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]

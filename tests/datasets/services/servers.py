"""Servers on this machine that answer, and fail, as services do."""

from __future__ import annotations

import io
import re
import socket
import threading
import time
import traceback
import warnings
from collections import deque
from collections.abc import Callable
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import astropy.units as u
import numpy as np
import pandas as pd
from astropy.coordinates import SkyCoord, search_around_sky
from astropy.io import votable
from astropy.io.votable.exceptions import W03
from astropy.io.votable.tree import Info
from astropy.table import MaskedColumn, Table


class Request(NamedTuple):
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    form: dict[str, str]
    body: bytes


class Reply(NamedTuple):
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = {}  # noqa: RUF012
    #: Of bytes promised that are not sent before the connection is closed.
    n_cut: int = 0
    seconds_a_byte: float = 0.0


Route = Callable[[Request], Reply]
_TEXT = {"Content-Type": "text/plain"}
HANG_UP = Reply(status=0)


class Server:
    """An HTTP server in a thread: routes by the start of their path, and faults that come first."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.routes: dict[str, Route] = {}
        #: Taken by the next requests; None lets one through.
        self.faults: deque[Reply | None] = deque()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: object) -> None: ...

            def _answer(self) -> None:
                owner._answer(self)

            do_GET = do_POST = do_DELETE = _answer

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        parts = urlsplit(handler.path)
        request = Request(
            handler.command, parts.path, _first(parts.query), dict(handler.headers.items()),
            _form(body, handler.headers.get("Content-Type") or ""), body,
        )  # fmt: skip
        self.requests.append(request)
        reply = self.faults.popleft() if self.faults else None
        if reply is None:
            known = [path for path in self.routes if parts.path.startswith(path)]
            route = self.routes[max(known, key=len)] if known else lambda _: Reply(404)
            try:
                reply = route(request)
            except Exception:
                reply = Reply(500, traceback.format_exc().encode(), _TEXT)
        _send(handler, reply)


def _first(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}


def _form(body: bytes, kind: str) -> dict[str, str]:
    if kind.startswith("application/x-www-form-urlencoded"):
        return _first(body.decode())
    if not kind.startswith("multipart/form-data"):
        return {}
    message = BytesParser(policy=HTTP).parsebytes(
        b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body
    )
    return {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True).decode()
        for part in message.iter_parts()
    }


def _send(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
    handler.close_connection = True
    try:
        if reply.status:
            handler.send_response(reply.status)
            for name, value in reply.headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(reply.body)))
            handler.send_header("Connection", "close")
            handler.end_headers()
            sent = reply.body[: len(reply.body) - reply.n_cut]
            if reply.seconds_a_byte:
                for k in range(len(sent)):
                    handler.wfile.write(sent[k : k + 1])
                    time.sleep(reply.seconds_a_byte)
            else:
                handler.wfile.write(sent)
        handler.wfile.flush()
        handler.connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


# --- TAP ------------------------------------------------------------------------------------------

_JOB = """<?xml version="1.0"?>
<uws:job xmlns:uws="http://www.ivoa.net/xml/UWS/v1.0" xmlns:xlink="http://www.w3.org/1999/xlink"
 version="1.1"><uws:jobId>{number}</uws:jobId><uws:phase>{phase}</uws:phase>
<uws:results><uws:result id="result" xlink:href="{url}/results/result"/></uws:results></uws:job>"""


class Tap:
    """A TAP service with tables in memory, for the joins with uploads that our client writes."""

    def __init__(self, server: Server, path: str = "/tap", **tables: pd.DataFrame) -> None:
        self.server, self.path = server, path
        self.tables = {name.replace("__", "."): table for name, table in tables.items()}
        self.units: dict[str, str] = {}
        self.jobs: dict[str, tuple[str, bytes]] = {}
        self.deleted: list[str] = []
        self.looks_until_done = 1
        self.silent_limit = 0
        self.hard_limit = 10**9
        self.queries: list[str] = []
        self.n_uploaded = 0
        server.routes[f"{path}/sync"] = self._sync
        server.routes[f"{path}/async"] = self._async

    def _sync(self, request: Request) -> Reply:
        return Reply(200, self._run(request.form, self.silent_limit), {"Content-Type": "text/xml"})

    def _async(self, request: Request) -> Reply:
        rest = request.path.removeprefix(f"{self.path}/async").strip("/").split("/")
        if request.method == "POST" and rest == [""]:
            number = str(len(self.jobs) + 1)
            self.jobs[number] = ("PENDING", self._run(request.form, 0))
            return Reply(303, b"", {"Location": f"{self.server.url}{self.path}/async/{number}"})
        number = rest[0]
        phase, result = self.jobs[number]
        if request.method == "DELETE":
            self.deleted.append(number)
            return Reply(303, b"", {"Location": f"{self.server.url}{self.path}/async"})
        if rest[1:] == ["phase"]:
            self.jobs[number] = (f"EXECUTING {self.looks_until_done}", result)
        elif rest[1:] == ["results", "result"]:
            return Reply(200, result)
        elif phase.startswith("EXECUTING"):
            left = int(phase.split()[1]) - 1
            self.jobs[number] = ("COMPLETED" if left <= 0 else f"EXECUTING {left}", result)
        url = f"{self.server.url}{self.path}/async/{number}"
        return Reply(200, _JOB.format(number=number, phase=phase.split()[0], url=url).encode())

    def _run(self, form: dict[str, str], silent_limit: int) -> bytes:
        query = form["QUERY"]
        self.queries.append(query)
        self.n_uploaded += form["targets"].count("<TR>")
        upload = Table.read(io.BytesIO(form["targets"].encode()), format="votable")
        table = self.tables[re.search(r"FROM ([\w.\"/+]+)", query)[1].strip('"')]
        selected = [
            (re.sub(r'^\w+\.|"', "", expression.strip()), alias)
            for expression, alias in re.findall(r"([\w.\"+*]+) AS (\w+)", query.split(" FROM ")[0])
        ]
        circle = re.search(
            r"POINT\('ICRS', (\S+), (\S+)\), CIRCLE\([^,]+,[^,]+,[^,]+, ([\d.]+)\)", query
        )
        if circle:
            ra, dec = (re.sub(r'^\w+\.|"', "", circle[k]) for k in (1, 2))
            stars = SkyCoord(upload["target_ra"] * u.deg, upload["target_dec"] * u.deg)
            entries = SkyCoord(table[ra].to_numpy() * u.deg, table[dec].to_numpy() * u.deg)
            star, row, _, _ = search_around_sky(stars, entries, float(circle[3]) * u.deg)
        else:
            column = re.search(r"WHERE (\S+) = asked.target_id", query)[1].split(".")[-1].strip('"')
            assert upload["target_id"].dtype == np.int64
            pairs = pd.DataFrame(
                {"star": range(len(upload)), "id": np.array(upload["target_id"])}
            ).merge(
                pd.DataFrame({"row": range(len(table)), "id": table[column].astype("Int64")}), on="id"
            )
            star, row = pairs["star"].to_numpy(), pairs["row"].to_numpy()
        answer = {}
        for name, alias in selected:
            if name == "target_no":
                answer[alias] = np.array(upload["target_no"])[star]
            else:
                answer[alias] = votable_column(table[name].iloc[row], self.units.get(name))
        limit = min(int(form.get("MAXREC", 10**9)), self.hard_limit)
        n_rows = len(star)
        whole = Table(answer)[: min(limit, silent_limit or limit)]
        status = "OVERFLOW" if n_rows > limit else "OK"
        # some services make all names upper case
        return as_votable(whole, status)


def votable_column(values: pd.Series, unit: str | None = None) -> MaskedColumn:
    missing = values.isna().to_numpy()
    if pd.api.types.is_string_dtype(values) or values.dtype == object:
        data = values.fillna("").to_numpy(dtype=str)
    else:
        filler = False if values.dtype == "boolean" else 0
        data = values.fillna(filler).to_numpy()
    return MaskedColumn(data, mask=missing, unit=unit)


def as_votable(table: Table, status: str = "OK") -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", W03)  # of names such as 2MASS
        document = votable.from_table(table)
    resource = document.resources[0]
    resource.type = "results"
    resource.infos.append(Info(name="QUERY_STATUS", value=status))
    text = io.BytesIO()
    document.to_xml(text, tabledata_format="binary2")
    return text.getvalue()

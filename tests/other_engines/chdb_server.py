"""Run by the Python that has chdb: ClickHouse's HTTP interface, as far as Onefold uses it, before ClickHouse in a process.

    python chdb_server.py FOLDER

The port that it listens on is printed. A request's `query`, body and settings are what ClickHouse's own interface takes,
and an error's code is in the header where that has it. `readonly` cannot be taken back in a session, so it is left out.
"""

import os
import re
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from chdb import session

_LEFT_OUT = {"query", "wait_end_of_query", "readonly"}
_INSERT = re.compile(r"\A(INSERT INTO .*?\)) FORMAT ArrowStream\Z", re.DOTALL)


class Handler(BaseHTTPRequestHandler):
    """One request after the other."""

    protocol_version = "HTTP/1.1"
    lock = threading.Lock()
    held = None

    def do_POST(self):
        """Run what is asked."""
        asked = dict(parse_qsl(urlsplit(self.path).query))
        body = self.rfile.read(int(self.headers["Content-Length"]))
        settings = {"max_execution_time": "0"} | {k: v for k, v in asked.items() if k not in _LEFT_OUT}
        with self.lock:
            try:
                written = ", ".join(f"{k} = '{v}'" for k, v in settings.items())
                self.held.query(f"SET {written}")
                data = self.run(asked.get("query"), body)
            except RuntimeError as error:
                code = re.search(r"Code: (\d+)", str(error))
                return self.answer(500, str(error).encode(), code and code[1])
        return self.answer(200, data)

    def run(self, query, body):
        """The answer of a statement; of one that inserts, the rows are in the body."""
        if query is None:
            text = body.decode()
            bare = text.removesuffix(" FORMAT ArrowStream")
            return self.held.query(bare, "ArrowStream" if bare != text else "TSV").bytes()
        with tempfile.NamedTemporaryFile(suffix=".arrow") as file:
            file.write(body)
            file.flush()
            rows = f"SELECT * FROM file('{file.name}', 'ArrowStream')"  # noqa: S608  a name that is ours
            self.held.query(f"{_INSERT.match(query)[1]} {rows}")
        return b""

    def answer(self, status, data, code=None):
        """Send it."""
        self.send_response(status)
        if code:
            self.send_header("X-ClickHouse-Exception-Code", code)
        self.send_header("Content-Length", str(len(data or b"")))
        self.end_headers()
        self.wfile.write(data or b"")

    def log_message(self, *_):
        """Say nothing."""


if __name__ == "__main__":
    Handler.held = session.Session(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_port, flush=True)  # noqa: T201  who started it reads it
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()  # ends with who started it
    server.serve_forever()

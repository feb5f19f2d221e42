"""A phone on loopback for trying things out: it answers every webhook and prints what it says."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import click
import orjson


class _Phone(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
        click.echo(_said(self.path, body))

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing but what the webhooks say."""


def _said(path: str, body: bytes) -> str:
    try:
        told = orjson.loads(body)
        incident = told["incident"]
        head = f"{path}  {told['event']}  {incident['priority']} #{incident['number']}"
        link = told.get("links", {}).get("acknowledge")
        return f"{head}  {incident['title']}" + (f"\n    acknowledge: {link}" if link else "")
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return f"{path}  {body[:300]!r}"


def listen(port: int) -> None:
    """Answer on 127.0.0.1 until interrupted."""
    click.echo(f"listening on http://127.0.0.1:{port}/ (Ctrl-C ends)")
    with ThreadingHTTPServer(("127.0.0.1", port), _Phone) as server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("hung up")

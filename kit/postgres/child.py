"""Programs that the kernel ends when we end, however we end."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from threading import Thread
from typing import IO

from kit.postgres import launch
from kit.postgres.errors import CannotStart
from kit.postgres.launch import Order


def environment() -> dict[str, str]:
    """Return what the programs see: nothing of ours, so that no PG* variable bends them."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", **kept}


def arguments(order: Order) -> list[str]:
    """Return the command line that carries out `order`."""
    return [sys.executable, "-I", "-S", launch.__file__, json.dumps(order)]


def guarding(pid: int) -> Order:
    """Order a process that ends `pid`, which is no child of ours, when we end."""
    return {
        "footing": "guard",
        "uid": os.geteuid(),
        "parent": os.getpid(),
        "folder": "/",
        "show": [],
        "death": int(signal.SIGINT),
        "command": [str(pid)],
    }


def run(order: Order, given: str = "") -> str:
    """Carry out a short order in this thread and return all it printed; refuse if it failed."""
    done = subprocess.run(
        arguments(order),
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(),
        start_new_session=True,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        program = Path(order["command"][0]).name
        raise CannotStart(f"{program} failed ({done.returncode}): {last(done.stdout)}")
    return done.stdout


def last(text: str, lines: int = 6) -> str:
    """Return the end of what a program said, on one line."""
    return " · ".join(line.strip() for line in text.strip().splitlines()[-lines:])


class Child:
    """One long-lived program, in a session of its own so that Ctrl-C does not reach it."""

    def __init__(self, order: Order, output: IO[bytes]) -> None:
        self._command: Sequence[str] = arguments(order)
        self._output = output
        self._process: Future[subprocess.Popen[bytes]] = Future()
        self._code: Future[int] = Future()
        self._code.set_running_or_notify_cancel()  # one waiter must not cancel it for others
        Thread(target=self._keep, name="postgres-keeper", daemon=True).start()
        self.pid = self._process.result().pid  # about a millisecond

    def _keep(self) -> None:
        # The kernel's signal at a parent's death follows the thread that forked: this one stays
        # for as long as the child lives, the loop's thread or a pool's might not.
        try:
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=subprocess.STDOUT,
                env=environment(),
                start_new_session=True,
            )
        except OSError as error:
            self._process.set_exception(error)
            return
        finally:
            self._output.close()
        self._process.set_result(process)
        self._code.set_result(process.wait())

    def send(self, sign: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        self._process.result().send_signal(sign)

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._code.done()

    async def ended(self) -> int:
        """Wait for the end; return the exit code."""
        return await asyncio.wrap_future(self._code)

"""A small service on an embedded PostgreSQL: `python serve_postgres.py FOLDER [USERS]`.

Says where it is in one line of JSON. Lives until somebody kills it, or, with a file USERS, until
nobody holds a lock on that file any more; then it takes the folder away.
"""

import asyncio
import fcntl
import json
import os
import shutil
import sys
from pathlib import Path
from typing import IO

from kit import logs
from kit.postgres.server import Running, start


def _say(running: Running) -> None:
    line = json.dumps({"service": os.getpid(), "server": running.pid, "url": running.url})
    os.write(1, line.encode() + b"\n")


async def serve(folder: Path) -> None:
    """Run until killed."""
    _say(await start(folder))
    await asyncio.Event().wait()


async def serve_users(folder: Path, users: Path) -> None:
    """Run while somebody shares the lock on `users`: the kernel counts, also those who crash."""
    running = await start(folder, durable=False)
    _say(running)
    gone = folder.parent.with_name(f"{folder.parent.name}.gone")
    with await asyncio.to_thread(_alone, users):
        await running.stop()
        folder.parent.rename(gone)  # who waits for the lock finds that this place has gone
    shutil.rmtree(gone)


def _alone(users: Path) -> IO[str]:
    file = users.open()
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


if __name__ == "__main__":
    logs.start()
    if len(sys.argv) > 2:
        asyncio.run(serve_users(Path(sys.argv[1]), Path(sys.argv[2])))
    else:
        asyncio.run(serve(Path(sys.argv[1])))

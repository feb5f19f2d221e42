"""Becomes a program of PostgreSQL, with as little power as will do: `python -I -S launch.py ORDER`.

Runs before exec in a process of its own, so it imports the standard library only.
"""

import ctypes
import json
import os
import select
import signal
import stat
import sys
from typing import NoReturn, TypedDict

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_BIND, MS_REC, MS_SLAVE, MS_NOSUID, MS_NODEV = 4096, 16384, 1 << 19, 2, 4
PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_SET_NO_NEW_PRIVS = 1, 8, 38
PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 47, 2
CAPABILITY_VERSION_3 = 0x20080522
POWERS = {"override": 1, "reader": 2}  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
FAILED = 97


class Order(TypedDict):
    """What to become; `footing` is one of `own plain masked reader override namespace guard`."""

    footing: str
    uid: int
    parent: int
    folder: str
    show: list[str]
    death: int
    command: list[str]


libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: object) -> None:
    """Call a function of the C library, or raise the OSError it reports."""
    if getattr(libc, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def blocked(path: str) -> str | None:
    """Return the topmost parent of `path` that a stranger cannot pass."""
    parents = path.split("/")[1:-1]
    for depth in range(len(parents)):
        parent = "/" + "/".join(parents[: depth + 1])
        if not os.stat(parent).st_mode & stat.S_IXOTH:
            return parent
    return None


def mount(
    source: str | None, target: str, flags: int, *, kind: bytes | None = None, options: bytes = b""
) -> None:
    """mount(2)."""
    place = None if source is None else os.fsencode(source)
    call("mount", place, os.fsencode(target), kind, ctypes.c_ulong(flags), options)


def mask(show: list[str]) -> None:
    """Lay an empty folder over each closed parent, for us alone, with only `show` in it."""
    walls = {path: wall for path in show if (wall := blocked(path))}
    call("unshare", CLONE_NEWNS)
    # slave, not private: what the machine unmounts later must not stay busy because of us
    mount(None, "/", MS_REC | MS_SLAVE)
    doors = {path: os.open(path, os.O_PATH) for path in walls}
    for wall in set(walls.values()):
        mount("none", wall, MS_NOSUID | MS_NODEV, kind=b"tmpfs", options=b"mode=0711,size=64k")
    for path, door in doors.items():
        os.makedirs(path, mode=0o711, exist_ok=True)
        mount(f"/proc/self/fd/{door}", path, MS_BIND | MS_REC)
        os.close(door)


def drop(uid: int, power: int | None) -> None:
    """Become `uid`, keeping at most one capability, across exec."""
    call("prctl", PR_SET_KEEPCAPS, int(power is not None), 0, 0, 0)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    if power is None:
        return
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    bit = 1 << power
    call("capset", header, (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0))
    call("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, power, 0, 0)


def rename_root(uid: int) -> None:
    """Enter a user namespace in which we, still ourselves outside, are called `uid`."""
    ours, group = os.geteuid(), os.getegid()
    call("unshare", CLONE_NEWUSER)
    maps = (("setgroups", "deny"), ("uid_map", f"{uid} {ours} 1"), ("gid_map", f"{uid} {group} 1"))
    for name, text in maps:
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def die_with(parent: int, death: int) -> None:
    """Have the kernel send us `death` when `parent`, or its thread that forked us, ends."""
    call("prctl", PR_SET_PDEATHSIG, death, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), death)


def become(order: Order) -> NoReturn:
    """Give up what is not needed and turn into the program."""
    footing, uid = order["footing"], order["uid"]
    if footing == "masked":
        mask(order["show"])
    if footing == "namespace":
        rename_root(uid)
    elif footing != "own":
        drop(uid, POWERS.get(footing))
    os.umask(0o077)
    os.chdir(order["folder"])
    call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    die_with(order["parent"], order["death"])  # last: a change of credentials clears it
    os.execv(order["command"][0], order["command"])


def guard(order: Order) -> None:
    """Live as long as a server that is not our child, and end it when `parent` ends."""
    watched = os.pidfd_open(int(order["command"][0]))
    read, write = os.pipe()
    signal.signal(signal.SIGTERM, lambda *_: os.close(write))
    die_with(order["parent"], signal.SIGTERM)
    ready, _, _ = select.select([watched, read], [], [])
    if watched not in ready:
        signal.pidfd_send_signal(watched, order["death"])


if __name__ == "__main__":
    wanted: Order = json.loads(sys.argv[1])
    try:
        if wanted["footing"] == "guard":
            guard(wanted)
        else:
            become(wanted)
    except (OSError, KeyError) as error:
        os.write(2, f"{error}\n".encode())
        sys.exit(FAILED)

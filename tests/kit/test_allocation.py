"""What the C library is told about memory: asked of it in a process of its own."""

import platform
import subprocess
import sys

import pytest

from kit.settings import ROOT

COUNT = """
import ctypes, sys, threading
from kit import allocation

library = ctypes.CDLL(None)
library.mallopt.restype = ctypes.c_int
if sys.argv[1] == "one":
    allocation.one_heap()

def works():
    held = [bytes(2000 + n) for n in range(1000)]
    began.wait()
    ended.wait()

began, ended = threading.Barrier(5), threading.Event()
threads = [threading.Thread(target=works) for _ in range(4)]
for thread in threads:
    thread.start()
began.wait()
library.malloc_stats()
ended.set()
allocation.give_back()
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's alone")
def test_threads_share_one_heap_once_they_are_told_to() -> None:
    def heaps(how: str) -> int:
        ran = subprocess.run(
            [sys.executable, "-c", COUNT, how], cwd=ROOT, capture_output=True, check=True, text=True
        )
        return ran.stderr.count("Arena ")

    assert heaps("one") == 1
    assert heaps("many") > 1

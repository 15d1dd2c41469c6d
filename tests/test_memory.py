"""Memory of arrays: kept for the next ones while work goes on, given back after it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="other C libraries have no mallopt and malloc_trim"
)

CODE = """
import resource
import numpy as np
from malca.memory import give_back, keep_for_next

def faults(n):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(n):
        np.ones(2**18)  # 2 MiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

faults(5)
at_once = faults(100)
keep_for_next()
faults(5)
kept = faults(100)
many = [np.ones(2**18) for _ in range(50)]
last = np.ones(8)  # what is above a freed array is what keeps its memory from going back by itself
full = resident()
del many
give_back()
print(at_once, kept, full - resident())
"""


def test_freed_arrays_are_kept_for_the_next_and_given_back_when_asked():
    settings = {**os.environ, "MALLOC_TRIM_THRESHOLD_": "65536"}  # as Dask starts its workers
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True, env=settings
    )
    at_once, kept, given = map(int, done.stdout.split())
    assert at_once > 40_000  # every page of every array is fetched from the machine
    assert kept < 1_000
    assert given > 90 * 2**20

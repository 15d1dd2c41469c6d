"""What compilation costs: the first search on a machine, and the first in every later process.

python benchmarks/compilation.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

N_STARS = 20

_SEARCH = """
import json, sys, time
started = time.perf_counter()
import malca
from malca.pipelines.simulation.nodes import simulate_lightcurves
from malca.pipelines.simulation.parameters import SimulationParameters
malca.detect_events
imported = time.perf_counter()
lightcurves, _, _ = simulate_lightcurves(SimulationParameters(n_stars=int(sys.argv[1])))
seconds = [imported - started]
for _ in range(2):
    started = time.perf_counter()
    malca.detect_events(lightcurves, workers=1)
    seconds.append(time.perf_counter() - started)
print(json.dumps(seconds))
"""


def fresh_process(cache: str) -> tuple[float, float, float]:
    """Seconds of the imports, of the first search and of a second one in a new process."""
    done = subprocess.run(
        [sys.executable, "-c", _SEARCH, str(N_STARS)],
        env={**os.environ, "NUMBA_CACHE_DIR": cache},
        check=True,
        capture_output=True,
        text=True,
    )
    imports, first, again = json.loads(done.stdout.splitlines()[-1])
    return imports, first, again


def main() -> None:
    with tempfile.TemporaryDirectory() as cache:
        for title in ("empty cache", "filled cache"):
            imports, first, again = fresh_process(cache)
            print(
                f"{title:13s} imports {imports:5.1f} s, {N_STARS} stars: first search {first:6.2f} s, "
                f"second {again:6.3f} s"
            )


if __name__ == "__main__":
    main()

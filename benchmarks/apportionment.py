"""Batch apportionment against a Python heap a row, and a million rows in bounded memory.

Run:  python benchmarks/apportionment.py [--rows 10000] [--parties 50] [--seats 600] [--large 1000000]
Prints a table of processor seconds and writes benchmarks/results/apportionment.json.
"""

from __future__ import annotations

import argparse
import heapq
import json
import platform
import resource
import time
from pathlib import Path

import numpy as np

from xai.dhondt import RULES, allocate

RESULTS = Path(__file__).parent / "results" / "apportionment.json"


def heap(votes, seats):
    """D'Hondt as it is usually written: a heap of quotients, one seat at a time."""
    held = [0] * len(votes)
    queue = [(-vote, i) for i, vote in enumerate(votes)]
    heapq.heapify(queue)
    for _ in range(seats):
        i = queue[0][1]
        held[i] += 1
        heapq.heapreplace(queue, (-votes[i] / (held[i] + 1), i))
    return held


def best_of(repeats, work):
    """Processor seconds of one thread, the best of some runs: what else the machine does hardly counts."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        result = work()
        times.append(time.process_time() - start)
    return min(times), result


def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # kilobytes on Linux


def large_run(rows, seats):
    """One election a row, 30 parties; memory by the peak of the resident set, so this must run first."""
    votes = np.random.default_rng(1).exponential(size=(rows, 30))
    before = peak_mib()
    start = time.process_time()
    held = allocate(votes, seats)
    seconds = time.process_time() - start
    peak = peak_mib()
    if not (held.sum(axis=1) == seats).all():
        raise SystemExit("seats do not add up")
    working = peak - before - held.nbytes / 2**20
    print(f"{rows:,} x 30, {seats} seats, D'Hondt: {seconds:.2f} s")
    print(
        f"  votes {votes.nbytes / 2**20:.0f} MiB, seats {held.nbytes / 2**20:.0f} MiB, beyond both {working:.0f} MiB\n"
    )
    return {
        "rows": rows,
        "parties": 30,
        "seconds": seconds,
        "votes_mib": votes.nbytes / 2**20,
        "seats_mib": held.nbytes / 2**20,
        "peak_mib": peak,
        "beyond_mib": working,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--parties", type=int, default=50)
    parser.add_argument("--seats", type=int, default=600)
    parser.add_argument(
        "--large", type=int, default=1_000_000, help="rows of the large run, 30 parties; 0 leaves it out"
    )
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()

    large = large_run(options.large, options.seats) if options.large else None
    rng = np.random.default_rng(0)
    votes = rng.exponential(size=(options.rows, options.parties))
    plain = votes.tolist()
    one_by_one, expected = best_of(2, lambda: [heap(row, options.seats) for row in plain])
    batch, seats = best_of(5, lambda: allocate(votes, options.seats))
    if seats.tolist() != expected:
        raise SystemExit("the two disagree: nothing was measured")
    result = {
        "machine": {"python": platform.python_version(), "numpy": np.__version__, "processor": platform.machine()},
        "rows": options.rows,
        "parties": options.parties,
        "seats": options.seats,
        "heap_seconds": one_by_one,
        "batch_seconds": batch,
        "ratio": one_by_one / batch,
        "large": large,
    }
    print(f"{options.rows:,} x {options.parties}, {options.seats} seats, D'Hondt")
    print(f"  heap, row by row   {one_by_one:9.3f} s")
    print(f"  batch              {batch:9.3f} s   {one_by_one / batch:,.0f} times as fast")

    print("\nEvery rule, the same votes              seconds, 600 seats   100,000 seats")
    result["rules"] = {}
    for rule in RULES:
        small, _ = best_of(3, lambda rule=rule: allocate(votes, options.seats, rule))
        large, _ = best_of(3, lambda rule=rule: allocate(votes, 100_000, rule))
        result["rules"][rule] = {"seconds": small, "seconds_100000_seats": large}
        print(f"  {RULES[rule].label:<36} {small:15.3f} {large:15.3f}")

    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"\n{options.out}")


if __name__ == "__main__":
    main()

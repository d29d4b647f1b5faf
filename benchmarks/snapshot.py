"""What a snapshot costs: how large, how long to build, open, touch and swap.

The market is made up (`benchmarks.synthetic`): ids as `domain.ids` makes them, a text of its own for each ad.
Build time is without embedding and without Japanese expansion unless `--japanese` is given. `--change` compiles
again after a change of every hundredth ad, of its bid and then of its title: times beside those of the full build.
"""

from __future__ import annotations

import argparse
import random
import resource
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from benchmarks.synthetic import Market
from domain.catalogue import AdEntry, CatalogueExport
from fastpath import core_info
from fastpath.compile_kept import NAME as KEPT
from fastpath.compiler import SnapshotInfo, compile_catalogue, default_expander
from fastpath.expand import Expander
from fastpath.snapshot import Snapshot

_MB = 1 << 20
_OPENS = 20
_READS = 2_000
#: Every hundredth ad changes; the cheapest of so many passes counts.
_STEP = 100
_PASSES = 2
_NEVER = (float("inf"), float("inf"))


def row(name: str, value: str, asked: str = "") -> None:
    print(f"{name:<52} {value:>30} {asked:>12}", flush=True)


def timed(call: Callable[[], Any]) -> tuple[float, float, Any]:
    """Return wall seconds, CPU seconds and the result of a call."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = call()
    return time.perf_counter() - wall, time.process_time() - cpu, result


def report_files(info: SnapshotInfo) -> None:
    sizes = {path.name: path.stat().st_size for path in sorted(info.path.iterdir())}
    for name, size in sizes.items():
        row(f"  {name}", f"{size / _MB:.1f} MiB")
    total = sum(sizes.values())
    row("snapshot without vectors", f"{total / _MB:.1f} MiB, {total / 1e6:.1f} MB", "<= 150 MB")
    manifest = Snapshot.open(info.path, verify=False).manifest
    largest = sorted(manifest.arrays.items(), key=lambda item: -item[1][1])
    del largest[12:]
    row("  entries of the longest arrays", ", ".join(f"{n} {place[1]}" for n, place in largest[:3]))


def report_opening(path: Path) -> None:
    opens = [timed(lambda: Snapshot.open(path, verify=False))[0] for _ in range(_OPENS)]
    row(
        "open, median of 20 (worst)",
        f"{median(opens) * 1e3:.2f} ({max(opens) * 1e3:.2f}) ms",
        "<= 5 ms",
    )
    checked, _, _ = timed(lambda: Snapshot.open(path))
    row("open with checksums", f"{checked * 1e3:.0f} ms")
    snapshot = Snapshot.open(path, verify=False)
    first, _, size = timed(snapshot.pre_touch)
    again, _, _ = timed(snapshot.pre_touch)
    row(
        f"pre-touch of {size / _MB:.0f} MB, first (again)",
        f"{first * 1e3:.0f} ({again * 1e3:.0f}) ms",
    )


def report_swap(path: Path) -> None:
    """Print the longest stop another thread saw while a snapshot was opened, touched and swapped."""
    served = [Snapshot.open(path, verify=False)]
    stops: list[float] = []
    done = threading.Event()

    def serve() -> None:
        last = time.perf_counter()
        while not done.is_set():
            assert served[0].manifest.ads >= 0
            now = time.perf_counter()
            stops.append(now - last)
            last = now

    thread = threading.Thread(target=serve)
    thread.start()
    time.sleep(0.1)
    new = Snapshot.open(path, verify=False)
    new.pre_touch()
    swap, _, _ = timed(lambda: served.__setitem__(0, new))
    done.set()
    thread.join()
    row("swap itself", f"{swap * 1e6:.1f} us")
    row("longest stop of a serving thread meanwhile", f"{max(stops) * 1e3:.1f} ms")


def report_reading(path: Path, ads: int) -> None:
    snapshot = Snapshot.open(path, verify=False)
    chance = random.Random(1)
    numbers = [chance.randrange(ads) for _ in range(_READS)]
    for name in ("first time", "decoded block", "again"):
        took, _, _ = timed(lambda: [snapshot.ad(number) for number in numbers])
        row(f"one ad's entry, {name}", f"{took / len(numbers) * 1e6:.1f} us")
        if name == "first time":
            snapshot.forget_ads()
    took, _, _ = timed(lambda: [snapshot.ad_id(number) for number in numbers])
    row("one ad's id", f"{took / len(numbers) * 1e6:.1f} us")


def other_bid(ad: AdEntry) -> AdEntry:
    return msgspec.structs.replace(ad, bid_micros=ad.bid_micros + 1)


def other_title(ad: AdEntry) -> AdEntry:
    text = msgspec.structs.replace(ad.texts["eng"], title=f"New: {ad.texts['eng'].title}"[:60])
    return msgspec.structs.replace(ad, texts={"eng": text})


def report_change(
    export: CatalogueExport, info: SnapshotInfo, expander: Expander, folder: Path, full: float
) -> None:
    """Print what a change of 1 % of the ads costs to compile, beside the CPU seconds of a full build."""
    kept = shutil.copyfile(folder / KEPT, folder / "kept before")
    row("what is kept beside the snapshots", f"{kept.stat().st_size / _MB:.1f} MiB")
    for what, change in (("bid", other_bid), ("title", other_title)):
        changed = tuple(change(ad) if i % _STEP == 0 else ad for i, ad in enumerate(export.ads))
        other = msgspec.structs.replace(export, ads=changed)
        build = partial(compile_catalogue, other, folder, previous=info.path, expander=expander)
        best = _NEVER
        for _ in range(_PASSES):
            # What a pass keeps would leave the next one nothing to read.
            shutil.copyfile(kept, folder / KEPT)
            wall, cpu, again = timed(build)
            assert again.snapshot_id != info.snapshot_id
            best = min(best, (cpu, wall))
            shutil.rmtree(again.path)
        cpu, wall = best
        row(
            f"build after another {what} of 1 % of the ads (CPU)",
            f"{wall:.1f} ({cpu:.1f}) s, {cpu / full:.0%}",
            "<= 25 %",
        )
        row("  ads read, blocks taken over", f"{again.read}, {again.reused}")
    wall, cpu, _ = timed(
        lambda: compile_catalogue(export, folder, previous=info.path, expander=expander)
    )
    row("build of what is there already (CPU)", f"{wall:.1f} ({cpu:.1f}) s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ads", type=int, default=1_000_000)
    parser.add_argument("--tags", type=int, default=1_000_000)
    parser.add_argument("--japanese", action="store_true", help="expand tags with JMdict")
    parser.add_argument("--change", action="store_true", help="measure a change of 1 %% as well")
    given = parser.parse_args()
    print(core_info()["note"])
    wall, _, market = timed(lambda: Market(given.ads, given.tags))
    row(f"market of {given.ads} ads, {given.tags} tags, made in", f"{wall:.0f} s")
    expander = default_expander() if given.japanese else Expander(None, {})
    with tempfile.TemporaryDirectory() as folder:
        wall, cpu, info = timed(
            lambda: compile_catalogue(market.export, Path(folder), expander=expander)
        )
        row("build without embedding (CPU)", f"{wall:.1f} ({cpu:.1f}) s", "<= 30 s")
        row("postings", str(info.postings))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        row("peak memory, the market itself included", f"{peak:.0f} MB")
        report_files(info)
        report_opening(info.path)
        report_swap(info.path)
        report_reading(info.path, given.ads)
        if given.change:
            report_change(market.export, info, expander, Path(folder), cpu)


if __name__ == "__main__":
    main()

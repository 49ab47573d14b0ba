"""Plots of what the benchmarks measured: drawn from the JSON of a run, written beside it.

    results/scale-....json --> PLOTS["scale"] --> results/scale-....png

`python -m benchmarks.plots FILE...` draws files that were kept earlier. A benchmark gets a plot by an entry in PLOTS: a
function that is given a figure and the report as it was kept. `over_size` and `bars` draw what most need.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from benchmarks.harness import Missing
from benchmarks.workloads import WORKS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["PLOTS", "bars", "draw", "over_size", "side_by_side"]

MIB: Final = 1 << 20
HOW_TO_GET_MATPLOTLIB: Final = "matplotlib is not installed; it is in the extra `bench`"

Row = Mapping[str, Any]


def draw(kept: Path) -> Path | None:
    """Draw the report in the JSON file `kept`; return the picture, None where there is none of this benchmark.

    Raises:
        Missing: matplotlib is not installed.
    """
    report = json.loads(kept.read_text())
    plot = PLOTS.get(report["name"])
    if plot is None:
        return None
    if find_spec("matplotlib") is None:
        raise Missing(HOW_TO_GET_MATPLOTLIB)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    plot(figure, report)
    machine = report["machine"]
    figure.suptitle(f"{report['name']}: {report['workload']}", fontsize=10)
    figure.supxlabel(f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}", fontsize=7)
    picture = kept.with_suffix(".png")
    figure.savefig(picture, dpi=150)
    return picture


def scale(figure: Figure, report: Row) -> None:
    costs, memory = figure.subplots(1, 2)
    columns = {
        "cold us": "cold read", "LMDB us": "LMDB's own get", "warm us": "warm read", "scan us": "step of a walk",
        "list us": "ends and middle of a list", "deque us": "of a deque",
    }  # fmt: skip
    over_size(costs, report["rows"], "entries", columns)
    costs.set_ylabel("microseconds each")
    for run in {run["count"]: run for run in report["runs"]}.values():
        seen = run["loading"]
        memory.plot([100 * at / max(1, len(seen) - 1) for at in range(len(seen))], [size / MIB for size in seen],
                    label=f"{run['count']:,} entries")  # fmt: skip
    memory.set_xlabel("% of the time of loading")
    memory.set_ylabel("resident, MiB")
    memory.set_ylim(bottom=0)
    memory.legend(fontsize=8)


def footprint(figure: Figure, report: Row) -> None:
    for axes, what in zip(figure.subplots(1, 2), ("disk", "memory"), strict=True):
        names = [name for name in ("objserver", "zodb", "redis") if f"{name} {what}" in report["rows"][0]]
        bars(axes, report["rows"], "object", {f"{name} {what}": name for name in names})
        axes.set_ylabel("bytes each")
        axes.set_title({"disk": "on disk", "memory": "in memory"}[what], fontsize=9)
        axes.set_ylim(top=axes.get_ylim()[1] * 1.15)  # room for the legend


def drop(figure: Figure, report: Row) -> None:
    axes = figure.subplots()
    interval = report["parameters"]["interval_seconds"]
    for number, run in enumerate(report["runs"], 1):
        taken = run["before"] + run["after"]
        due = [(at - len(run["before"])) * interval for at in range(len(taken))]
        axes.plot(due, [seconds * 1000 for seconds in taken], ".", markersize=2, label=f"round {number}")
    axes.axvline(0, linewidth=0.8, color="black")
    axes.set_yscale("log")
    axes.set_xlabel("seconds since `del`")
    axes.set_ylabel("reply time, ms")
    axes.legend(fontsize=8)


def data_size(figure: Figure, report: Row) -> None:
    axes = figure.subplots()
    names = [column for column in report["rows"][0] if column != "records"]
    over_size(axes, report["rows"], "records", {name: name.removesuffix(" us") for name in names})
    axes.set_ylabel("microseconds each")


def side_by_side(figure: Figure, report: Row) -> None:
    """A row for each case and durability: throughput over connections for each pipeline, latencies of one shape."""
    runs: Sequence[Row] = [run for run in report["runs"] if run["server"] != "floor"]
    kinds = list(dict.fromkeys((run["case"], run["mode"]) for run in runs))
    depths = sorted({run["pipeline"] for run in runs})
    shapes = sorted({(run["connections"], run["pipeline"]) for run in runs}, key=lambda shape: (shape[1], shape[0]))
    unpipelined = [shape for shape in shapes if shape[1] == depths[0]]
    shape = unpipelined[len(unpipelined) // 2]
    figure.set_size_inches(5 * (len(depths) + 1), 4 * len(kinds))
    grid = figure.subplots(len(kinds), len(depths) + 1, squeeze=False)
    for line, kind in zip(grid, kinds, strict=True):
        of_kind = [run for run in runs if (run["case"], run["mode"]) == kind]
        for server in dict.fromkeys(run["server"] for run in of_kind):
            own = [run for run in of_kind if run["server"] == server]
            for axes, depth in zip(line[:-1], depths, strict=True):
                counts = sorted({run["connections"] for run in own if run["pipeline"] == depth})
                seen = {count: [run["throughput"] for run in own if run["pipeline"] == depth
                                and run["connections"] == count] for count in counts}  # fmt: skip
                axes.plot(counts, list(map(median, seen.values())), marker="o", markersize=3, label=server)
                axes.set(xscale="log", yscale="log", xlabel="connections", ylabel="a second")
                axes.set_title(f"{' '.join(kind)}, pipeline {depth}", fontsize=9)
            chosen = [run["latency_us"] for run in own if (run["connections"], run["pipeline"]) == shape]
            if chosen:
                names = list(chosen[0])
                line[-1].plot(names, [median(one[name] for one in chosen) for name in names], marker="o", markersize=3,
                              label=server)  # fmt: skip
        line[-1].set(yscale="log", ylabel="microseconds")
        line[-1].set_title(f"latencies, {shape[0]} connections, pipeline {shape[1]}", fontsize=9)
        line[-1].legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))


def over_size(axes: Axes, rows: Sequence[Row], size: str, columns: Mapping[str, str]) -> None:
    """Draw columns of medians, with their spread, over the column `size`; both axes logarithmic.

    Args:
        columns: of the report, and what to call each.
    """
    sizes = [row[size] for row in rows]
    for column, name in columns.items():
        spreads = [row[column] for row in rows]
        below = [one["median"] - one["low"] for one in spreads]
        above = [one["high"] - one["median"] for one in spreads]
        medians = [one["median"] for one in spreads]
        axes.errorbar(sizes, medians, yerr=[below, above], marker="o", markersize=3, capsize=2, label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(size)
    axes.grid(which="both", alpha=0.2)
    axes.legend(fontsize=8, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.15))


def bars(axes: Axes, rows: Sequence[Row], group: str, columns: Mapping[str, str]) -> None:
    """Draw a group of bars for each row, named by its column `group`: the medians of `columns`, as `over_size`."""
    width = 0.8 / len(columns)
    for at, (column, name) in enumerate(columns.items()):
        medians = [row[column]["median"] for row in rows]
        drawn = axes.bar([place + at * width for place in range(len(rows))], medians, width, label=name)
        axes.bar_label(drawn, fmt="%.0f", fontsize=7)
    axes.set_xticks([place + 0.4 - width / 2 for place in range(len(rows))], [row[group] for row in rows])
    axes.legend(fontsize=8)


PLOTS: Final[dict[str, Callable[[Any, Row], None]]] = {
    "data_size": data_size,
    "drop": drop,
    "footprint": footprint,
    "scale": scale,
    **dict.fromkeys(dict.fromkeys(work.name for work in WORKS), side_by_side),
}


if __name__ == "__main__":
    for word in sys.argv[1:]:
        print(draw(Path(word)))

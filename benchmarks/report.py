"""The outcomes as text, as Markdown and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .contest import NOT_OFFERED, OURS
from .outcome import Outcome, Sweep
from .ratios import Ratio
from .rows import MATMUL_MEDIAN_GOAL


def micros(seconds: float | None) -> str:
    """Write a time in microseconds with three digits, and thousands apart."""
    if seconds is None:
        return "-"
    us = 1e6 * seconds
    return f"{us:.3f}" if us < 1 else f"{us:.2f}" if us < 10 else f"{us:.1f}" if us < 100 else f"{us:,.0f}"


def interval(found: Ratio | None) -> str:
    """Write a ratio with its interval."""
    return "-" if found is None else f"{found.median:.2f} [{found.low:.2f}, {found.high:.2f}]"


def share(outcome: Outcome) -> str:
    """Write the share of the limit, with its goal."""
    if outcome.share is None:
        return "-"
    if outcome.row.limit == "barrier":
        return f"{outcome.share:.3g} barriers"
    goal = "" if outcome.row.share_goal is None else f", goal {100 * outcome.row.share_goal:.0f}"
    return f"{100 * outcome.share:.0f} % {outcome.row.limit}{goal}"


def met(outcome: Outcome) -> str:
    """Say whether the goals are reached."""
    if outcome.met is None:
        return "-"
    return "no" if not outcome.met else "limit no" if outcome.share_met is False else "yes"


def columns(names: Sequence[str]) -> list[str]:
    """Return the table's headings for these contestants."""
    return ["row", "threads", *names, "best peer", "its time / ours", "goal", "met", "of the limit"]


def cells(outcome: Outcome, names: Sequence[str]) -> list[str]:
    """Return a row of the table.

    A contestant that does not take part has "-", one that does not count has "failed"; "@1" marks one that is fastest
    on fewer threads than it may use.
    """
    medians, failures = outcome.medians, outcome.times.failures
    times = []
    for name in names:
        if name in medians:
            used = outcome.times.threads[name]
            times.append(micros(medians[name]) + (f" @{used}" if used != outcome.threads else ""))
        else:
            failure = failures.get(name, NOT_OFFERED)
            times.append("-" if failure.startswith(NOT_OFFERED) or _cannot_be_here(failure) else "failed")
    return [
        outcome.row.name,
        f"{outcome.threads} vs 1" if outcome.row.noisy else str(outcome.threads),
        *times,
        outcome.best_peer or "-",
        interval(outcome.ratio),
        f"{outcome.goal:g}",
        met(outcome),
        share(outcome),
    ]


def _cannot_be_here(failure: str) -> bool:
    return failure.endswith("is not installed") or failure.startswith("this CPU has no")


def widths(names: Sequence[str]) -> list[int]:
    """Return the widths of the printed columns."""
    return [15, 7, *(max(10, len(name)) for name in names), 16, 21, 5, 8, 20]


def line(texts: Sequence[str], sizes: Sequence[int]) -> str:
    """Write a line of the printed table."""
    return "  ".join(text.ljust(size) for text, size in zip(texts, sizes, strict=True)).rstrip()


def markdown_table(outcomes: Sequence[Outcome], names: Sequence[str]) -> str:
    """Write the table, without the sweep of products."""
    head = columns(names)
    rows = [head, ["---", *["---:"] * (len(names) + 1), "---", "---:", "---:", "---", "---:"]]
    rows += [cells(outcome, names) for outcome in outcomes if outcome.row.group != "matmul"]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def sweep_text(outcomes: Sequence[Outcome]) -> str:
    """Write what came out of the products, in one line and one for each that is lost."""
    sweep = Sweep([outcome for outcome in outcomes if outcome.row.group == "matmul"])
    if not sweep.ratios:
        return ""
    (worst, least), count = next(iter(sweep.ratios.items())), len(sweep.ratios)
    verdict = "met" if not sweep.lost and sweep.median >= MATMUL_MEDIAN_GOAL else "not met"
    lines = [
        f"matmul, 1 thread, {count} products: worst {least:.2f} ({worst}), goal 1; "
        f"median {sweep.median:.2f}, goal {MATMUL_MEDIAN_GOAL:g}; {len(sweep.lost)} lost; {verdict}"
    ]
    for outcome in sweep.lost:
        lines.append(
            f"  lost: {outcome.row.name}, {outcome.best_peer} {interval(outcome.ratio)}, "
            f"ours {micros(outcome.medians[OURS])} us, {share(outcome)}"
        )
    return "\n".join(lines)


def scaling_text(outcomes: Sequence[Outcome]) -> str:
    """Say how much faster ravine is on more threads than on one."""
    ours = {(o.row.name, o.threads): o.medians[OURS] for o in outcomes if OURS in o.medians and not o.row.noisy}
    found = [
        f"{name} {ours[name, 1] / seconds:.2f} on {threads}"
        for (name, threads), seconds in ours.items()
        if threads > 1 and (name, 1) in ours
    ]
    return f"ravine on one thread / on more: {', '.join(found)}" if found else ""


def failures_text(outcomes: Sequence[Outcome]) -> str:
    """Name the contestants that do not count, and why."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for outcome in outcomes:
        for name, failure in outcome.times.failures.items():
            reasons.setdefault((name, failure), []).append(f"{outcome.row.name} ({outcome.threads})")
    return "\n".join(
        f"{name}: {failure}" + ("" if _cannot_be_here(failure) else f": {', '.join(rows)}")
        for (name, failure), rows in reasons.items()
        if failure != NOT_OFFERED
    )


def markdown(outcomes: Sequence[Outcome], names: Sequence[str], facts: Sequence[str]) -> str:
    """Write a whole report: the facts of machine and command, the table, and what stands below it."""
    below = [sweep_text(outcomes), scaling_text(outcomes), failures_text(outcomes)]
    blocks = ["Microseconds a step.", *facts, markdown_table(outcomes, names)]
    blocks += [f"```\n{text}\n```" for text in below if text]
    return "\n\n".join(blocks) + "\n"


def picture(outcomes: Sequence[Outcome], names: Sequence[str], path: Path) -> None:
    """Draw each contestant's time over ravine's, a panel for each number of threads, with the goals as ticks."""
    from matplotlib.figure import Figure

    shown = [outcome for outcome in outcomes if outcome.row.group != "matmul" and outcome.ratio]
    counts = sorted({outcome.threads for outcome in shown})
    tallest = max((sum(outcome.threads == count for outcome in shown) for count in counts), default=1)
    figure = Figure((5.5 * max(1, len(counts)), 1.7 + 0.3 * tallest), layout="constrained")
    panels = figure.subplots(1, max(1, len(counts)), squeeze=False)[0]
    for panel, count in zip(panels, counts, strict=False):
        _panel(panel, [outcome for outcome in shown if outcome.threads == count], names)
        panel.set_title(f"{count} thread{'s' if count > 1 else ''}")
    handles: dict[str, Any] = {}
    for panel in panels:
        handles |= {text: handle for handle, text in zip(*panel.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4 * max(1, len(counts)),
                  frameon=False)  # fmt: skip
    figure.savefig(path, dpi=150)


def _panel(panel: Any, outcomes: Sequence[Outcome], names: Sequence[str]) -> None:
    colors = {name: f"C{number}" for number, name in enumerate(name for name in names if name != OURS)}
    for height, outcome in enumerate(reversed(outcomes)):
        ours, found = outcome.medians[OURS], outcome.ratio
        assert found is not None
        label = "goal for the best peer" if height == 0 else None
        panel.plot([outcome.goal], [height], "|", color="black", markersize=14, label=label)
        panel.plot([found.low, found.high], [height, height], color="black", linewidth=4, alpha=0.3)
        for name, seconds in outcome.medians.items():
            if name != OURS:
                panel.plot([seconds / ours], [height], "o", markersize=5, color=colors.get(name, "gray"), label=name)
    panel.axvline(1.0, color="gray", linewidth=0.8)
    panel.set_xscale("log")
    panel.xaxis.set_major_formatter("{x:g}")
    panel.set_ylim(-0.6, len(outcomes) - 0.4)
    panel.set_yticks(range(len(outcomes)), [outcome.row.name for outcome in reversed(outcomes)])
    panel.set_xlabel("time of a step / ravine's (log)")
    panel.grid(axis="x", alpha=0.3)

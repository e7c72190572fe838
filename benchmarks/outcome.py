"""What came out for a row: medians, the ratio to the best peer, the share of the machine's limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .contest import OURS, Times
from .fits import Task
from .limits import Limits
from .ratios import Ratio, ratio
from .rows import Row
from .tasks import Text, Update


@dataclass(frozen=True)
class Outcome:
    """A row at a number of threads. `share` is that of the limit; for a barrier, a step's time in barriers."""

    row: Row
    threads: int
    times: Times
    share: float | None

    @property
    def medians(self) -> dict[str, float]:
        """Median seconds of a step, by contestant."""
        return {name: float(np.median(seconds)) for name, seconds in self.times.seconds.items()}

    @property
    def best_peer(self) -> str | None:
        """The fastest contestant besides ravine."""
        peers = {name: seconds for name, seconds in self.medians.items() if name != OURS}
        return min(peers, key=peers.__getitem__) if peers and OURS in self.times.seconds else None

    @property
    def ratio(self) -> Ratio | None:
        """The best peer's time over ravine's."""
        peer = self.best_peer
        return ratio(self.times.seconds[peer], self.times.seconds[OURS]) if peer else None

    @property
    def goal(self) -> float:
        """The ratio wanted."""
        return self.row.goals[0 if self.threads == 1 else 1]

    @property
    def met(self) -> bool | None:
        """Whether the ratio reaches its goal; None without a ratio."""
        found = self.ratio
        return None if found is None else found.median >= self.goal

    @property
    def share_met(self) -> bool | None:
        """Whether the share of the limit reaches its goal; None where there is no goal or no share."""
        if self.share is None or self.row.share_goal is None:
            return None
        return self.share >= self.row.share_goal

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as JSON takes it."""
        found = self.ratio
        return {
            "row": self.row.name,
            "group": self.row.group,
            "threads": self.threads,
            "seconds": self.times.seconds,
            "medians": self.medians,
            "threads_of": self.times.threads,
            "failures": self.times.failures,
            "best_peer": self.best_peer,
            "ratio": None if found is None else found._asdict(),
            "goal": self.goal,
            "met": self.met,
            "limit": self.row.limit,
            "share": self.share,
            "share_goal": self.row.share_goal,
            "share_met": self.share_met,
        }


def share_of_limit(row: Row, task: Task, seconds: float, limits: Limits) -> float:
    """Return the share of the limit that a step of so many seconds reaches, or how many barriers it takes."""
    if row.limit == "barrier":
        return seconds / limits.barrier_seconds
    if isinstance(task, (Update, Text)):
        return task.bytes / seconds / limits.triad_bytes
    return task.flops / seconds / limits.flops


def conclude(row: Row, threads: int, task: Task, times: Times, limits: Limits | None) -> Outcome:
    """Put a row's outcome together."""
    share = None
    if limits is not None and row.limit is not None and OURS in times.seconds and not row.noisy:
        share = share_of_limit(row, task, float(np.median(times.seconds[OURS])), limits)
    return Outcome(row, threads, times, share)


@dataclass(frozen=True)
class Sweep:
    """The products together."""

    outcomes: Sequence[Outcome]

    @property
    def ratios(self) -> dict[str, float]:
        """The ratio of each shape, smallest first."""
        found = {outcome.row.name: outcome.ratio.median for outcome in self.outcomes if outcome.ratio}
        return dict(sorted(found.items(), key=lambda item: item[1]))

    @property
    def median(self) -> float:
        """The ratio in the middle."""
        return float(np.median(list(self.ratios.values())))

    @property
    def lost(self) -> list[Outcome]:
        """Shapes below their goal, the worst first."""
        found = [outcome for outcome in self.outcomes if outcome.met is False]
        return sorted(found, key=lambda outcome: outcome.ratio.median if outcome.ratio else 0.0)

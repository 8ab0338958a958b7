"""Time: the steps that a model is solved over, and which hours of the year they stand for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dhsdb.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

HOURS_PER_DAY = 24


@dataclass(frozen=True, slots=True)
class Steps:
    """Steps in order, in periods of equal length.

    Attributes
    ----------
    hour
        Shape (n,). Hour of the year, 1-based, whose profile values the step takes.
    h
        Shape (n,). Length of one occurrence, hours.
    weight
        Shape (n,). Hours of the year that the step stands for; sums to the hours of the year.
    length
        Steps of a period; those of a period follow each other.
    calendar
        Shape (periods of the year,). Which of the typical periods each period of the year is like, counted from 0; None =
        all steps are one period.
    kept
        Shape (n,). Steps of extreme periods, whose values are never scaled; None = all.
    by_year
        Shape (years, n). Weights where each model year has its own.
    sliced
        The steps are time slices of the study, in no order unless they say so; ``hour`` is their number.
    start
        Hours of the year before the first period.
    """

    hour: NDArray[np.int64]
    h: NDArray[np.float64]
    weight: NDArray[np.float64]
    length: int
    calendar: NDArray[np.int64] | None = None
    kept: NDArray[np.bool_] | None = None
    by_year: NDArray[np.float64] | None = None
    sliced: bool = False
    start: int = 0

    def in_year(self, year: int) -> Steps:
        """Return the steps with the weights of a model year, by its position."""
        return self if self.by_year is None else replace(self, weight=self.by_year[year])

    @property
    def n(self) -> int:
        """Number of steps."""
        return len(self.hour)

    @property
    def in_a_row(self) -> bool:
        """Whether each step follows the one before: there is one period, or each period of the year is itself."""
        return self.calendar is None or np.array_equal(self.calendar, np.arange(self.n // self.length))

    @property
    def last(self) -> NDArray[np.int64]:
        """Shape (n,). Last step of the stretch of following hours that each step belongs to."""
        length = self.n if self.in_a_row else self.length
        return (np.arange(self.n) // length + 1) * length - 1

    @property
    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Steps that follow each other, first and second: within periods, and once for each two periods that ever do."""
        step = np.arange(self.n).reshape(-1, self.length)
        first, second = step[:, :-1].ravel(), step[:, 1:].ravel()
        if self.calendar is not None:
            met = np.unique(np.column_stack([self.calendar[:-1], self.calendar[1:]]), axis=0)
            first, second = np.append(first, step[met[:, 0], -1]), np.append(second, step[met[:, 1], 0])
        return first, second

    def of(self, profile: NDArray[np.float64], where: str) -> NDArray[np.float64]:
        """Return a profile's value in each step.

        Raises
        ------
        UserError
            If the profile is shorter than the year that is modelled.
        """
        if len(profile) < int(self.hour.max()):
            raise UserError(
                f"{where}: the profile has {len(profile)} values, but hour {int(self.hour.max())} is modelled.",
                "Give it one value for each hour of the year.",
            )
        return profile[self.hour - 1]


def full_year(hours: int) -> Steps:
    """Return every hour of a year."""
    return Steps(np.arange(1, hours + 1), np.ones(hours), np.ones(hours), hours)


def slices(number: NDArray[np.int64], hours: NDArray[np.float64], by_year: NDArray[np.float64]) -> Steps:
    """Return the time slices of a study.

    Parameters
    ----------
    number
        Shape (n,). Number of each slice, which is the place of its value in profiles.
    hours
        Shape (n,). Length of one occurrence, hours.
    by_year
        Shape (years, n). Hours of the year that each stands for.
    """
    return Steps(number, hours, by_year[0], len(number), by_year=by_year, sliced=True)


def window(start: int, count: int, hours: int) -> Steps:
    """Return ``count`` hours after hour ``start``, annualised: each stands for ``hours / count`` hours."""
    if count < 1 or start + count > hours:
        raise UserError(f"the window {start}:{count} does not fit into a year of {hours} hours.", "hours=START:COUNT")
    return Steps(
        np.arange(start + 1, start + count + 1), np.ones(count), np.full(count, hours / count), count, start=start
    )


def typical_periods(features: NDArray[np.float64], periods: int, days: int = 1, peaks: Sequence[int] = ()) -> Steps:
    """Choose typical days or weeks by hierarchical clustering (tsam), each a real one, and add those of the peaks.

    Parameters
    ----------
    features
        Shape (hours, m). Series by which periods are told apart.
    periods
        Number of typical periods; as many as the year has, or more: all of them, in their order.
    days
        Length of a period, days.
    peaks
        Columns of ``features`` whose period of the highest value stands for itself alone.

    Notes
    -----
    Real periods (medoids) keep each hour's values together, so every profile is read at the same hour. Their weights are
    the numbers of periods that they stand for. What a year has beyond whole periods (a day beside 52 weeks) is left out at
    its end, or at its beginning if the first peak is at the end; the weights make up for it.
    """
    length = days * HOURS_PER_DAY
    hours = len(features)
    whole = hours // length
    if not whole:
        raise UserError(f"a year of {hours} hours has no period of {days} days.", "Choose a smaller period_days.")
    rest = hours - whole * length
    start = rest if peaks and rest and features[:, peaks[0]].argmax() >= hours - rest else 0
    chosen = features[start : start + whole * length]
    belongs, centre = _clusters(chosen, periods, length) if periods < whole else (np.arange(whole), np.arange(whole))
    extreme = np.unique([chosen[:, column].argmax() // length for column in peaks]).astype(np.int64)
    for period in extreme:
        if period not in centre:
            belongs[period], centre = len(centre), np.append(centre, period)
    # Periods are sorted by their place in the year, and one that stands for none any more falls out.
    counts = np.bincount(belongs, minlength=len(centre))
    order = np.array(sorted(np.flatnonzero(counts), key=lambda k: centre[k]))
    place = np.zeros(len(centre), np.int64)
    place[order] = np.arange(len(order))
    hour = (start + centre[order][:, None] * length + np.arange(1, length + 1)).ravel()
    weight = np.repeat(counts[order] * hours / (whole * length), length)
    kept = np.repeat(np.isin(centre[order], extreme), length)
    return Steps(hour, np.ones(len(hour)), weight, length, calendar=place[belongs], kept=kept, start=start)


def _clusters(features: NDArray[np.float64], periods: int, length: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the cluster of each period and the period at the centre of each cluster."""
    import pandas as pd
    import tsam

    index = pd.date_range("2001-01-01", periods=len(features), freq="h")
    result = tsam.aggregate(
        pd.DataFrame(features, index=index, columns=[f"f{k}" for k in range(features.shape[1])]),
        n_clusters=periods,
        period_duration=length,
        cluster=tsam.ClusterConfig(method="hierarchical", representation="medoid"),
        preserve_column_means=False,
    )
    return np.array(result.cluster_assignments, np.int64), np.array(result.clustering.cluster_centers, np.int64)

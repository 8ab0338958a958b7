"""Time: the steps that a model is solved over, and which hours of the year they stand for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dhsdb.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

HOURS_PER_DAY = 24


@dataclass(frozen=True, slots=True)
class Steps:
    """Steps in order; those of a period follow each other, periods do not.

    Attributes
    ----------
    hour
        Shape (n,). Hour of the year, 1-based, whose profile values the step takes.
    h
        Shape (n,). Length of one occurrence, hours.
    weight
        Shape (n,). Hours of the year that the step stands for; sums to the hours of the year.
    previous
        Shape (n,). Step before each, within its period; the first one follows the last (cyclic).
    typical
        The steps are chosen to represent the year, so annual totals are kept exactly.
    """

    hour: NDArray[np.int64]
    h: NDArray[np.float64]
    weight: NDArray[np.float64]
    previous: NDArray[np.int64]
    typical: bool = False
    by_year: NDArray[np.float64] | None = None
    """Shape (years, n). Weights where each model year has its own."""
    sliced: bool = False
    """The steps are time slices of the study, in no order unless they say so; ``hour`` is their number."""

    def in_year(self, year: int) -> Steps:
        """Return the steps with the weights of a model year, by its position."""
        return self if self.by_year is None else replace(self, weight=self.by_year[year])

    @property
    def n(self) -> int:
        """Number of steps."""
        return len(self.hour)

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
    return _in_periods(np.arange(1, hours + 1), np.ones(1), hours, hours)


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
    before = np.roll(np.arange(len(number)), 1)
    return Steps(number, hours, by_year[0], before, by_year=by_year, sliced=True)


def window(start: int, count: int, hours: int) -> Steps:
    """Return ``count`` hours after hour ``start``, annualised: each stands for ``hours / count`` hours."""
    if count < 1 or start + count > hours:
        raise UserError(f"the window {start}:{count} does not fit into a year of {hours} hours.", "hours=START:COUNT")
    return _in_periods(np.arange(start + 1, start + count + 1), np.full(1, hours / count), count, hours)


def typical_days(features: NDArray[np.float64], periods: int, peak: int = 0) -> Steps:
    """Choose typical days by hierarchical clustering (tsam), each a real day, and add the day of the highest peak.

    Parameters
    ----------
    features
        Shape (hours, m). Series by which days are told apart.
    periods
        Number of typical days.
    peak
        Column of ``features`` whose day of the highest value is kept as it is.

    Notes
    -----
    Real days (medoids) keep each hour's values together, so every profile is read at the same hour. Their weights are the
    numbers of days that they stand for.
    """
    import pandas as pd
    import tsam

    days = len(features) // HOURS_PER_DAY
    if periods >= days:
        return _in_periods(np.arange(1, days * HOURS_PER_DAY + 1), np.ones(days), HOURS_PER_DAY, days * HOURS_PER_DAY)
    index = pd.date_range("2001-01-01", periods=days * HOURS_PER_DAY, freq="h")
    names = [f"f{k}" for k in range(features.shape[1])]
    result = tsam.aggregate(
        pd.DataFrame(features[: len(index)], index=index, columns=names),
        n_clusters=periods,
        period_duration=HOURS_PER_DAY,
        cluster=tsam.ClusterConfig(method="hierarchical", representation="medoid"),
        extremes=tsam.ExtremeConfig(method="append", max_value=[names[peak]]),
        preserve_column_means=False,
    )
    centers = np.asarray(result.clustering.cluster_centers, np.int64)
    if len(centers) < result.n_clusters:
        centers = np.append(centers, features[: len(index), peak].argmax() // HOURS_PER_DAY)
    counts = np.bincount(np.asarray(result.cluster_assignments), minlength=len(centers)).astype(np.float64)
    order = np.argsort(centers)
    centers, counts = centers[order], counts[order]
    hour = (centers[:, None] * HOURS_PER_DAY + np.arange(1, HOURS_PER_DAY + 1)).ravel()
    return replace(_in_periods(hour, counts, HOURS_PER_DAY, days * HOURS_PER_DAY), typical=True)


def _in_periods(hour: NDArray[np.int64], counts: NDArray[np.float64], length: int, hours: int) -> Steps:
    """Return steps of one hour in periods of equal length, each of which occurs ``counts`` times."""
    weight = np.repeat(counts, length)
    step = np.arange(len(hour)).reshape(-1, length)
    if not np.isclose(weight.sum(), hours):
        raise AssertionError((weight.sum(), hours))
    return Steps(hour, np.ones(len(hour)), weight, np.roll(step, 1, axis=1).ravel())

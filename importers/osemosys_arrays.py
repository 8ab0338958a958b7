"""OSeMOSYS parameters as arrays in the order of the sets, and what several tables need of them.

Columns of the tables are power: a capacity becomes MW of activity (``cap * CapacityToActivityUnit * E / 8760`` with E MWh
per unit of energy), and costs, limits and unit sizes follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dhsdb.importers.osemosys_names import MODE, PARAMETERS, REGION, SLICE, STORAGE, TECHNOLOGY, YEAR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dhsdb.importers.osemosys_source import Model

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Mask = NDArray[np.bool_]

HOURS = 8760.0
"""Hours of an OSeMOSYS year, whatever its fractions add up to."""

UNLIMITED = -1.0
FAR_AWAY = 999999.0
"""What MUIO writes for unlimited."""

SHARE_SUM = 1e-9
"""Distance from 1 up to which the sum of shares is rounding."""


@dataclass(frozen=True, slots=True)
class Units:
    """Units of the source.

    Attributes
    ----------
    energy_mwh
        MWh per unit of energy.
    emission_t
        Tonnes per unit of emission.
    """

    energy: str
    energy_mwh: float
    emission: str
    emission_t: float


class Arrays:
    """The parameters of one model.

    Attributes
    ----------
    years
        Calendar years.
    e
        MWh per unit of energy.
    is_pulp
        Whether the source is for the "HP" version of OSeMOSYS_PuLP, a school of its own.
    mw
        MW of activity per unit of capacity; shape (region, technology).
    modes
        Modes that are in use; shape (region, technology, mode).
    """

    def __init__(self, model: Model, units: Units) -> None:
        self.model = model
        self.units = units
        self.sets = model.sets
        self.size = model.size
        self.years = np.array([int(y) for y in self.sets[YEAR]], np.int64)
        self.is_pulp = is_hp(model)
        self.e = units.energy_mwh
        self.mw = model.array("CapacityToActivityUnit") * self.e / HOURS
        self.modes = self._modes()

    def _modes(self) -> Mask:
        """Return the modes that are in use: with flows, emissions or storage, or idle ones that a limit makes matter.

        OSeMOSYS lets a mode without flows satisfy a lower limit on activity, and pays for one with a negative cost.
        """
        m = self.model
        used = np.zeros((self.size[REGION], self.size[TECHNOLOGY], self.size[MODE]), bool)
        for name, axis in (
            ("InputActivityRatio", 3),
            ("OutputActivityRatio", 3),
            ("EmissionActivityRatio", 3),
            ("TechnologyToStorage", 3),
            ("TechnologyFromStorage", 3),
        ):
            if (found := m.given.get(name)) is not None:
                told = found.values != 0
                used[found.at[0, told], found.at[1, told], found.at[axis, told]] = True
        lower = (m.array("TotalTechnologyAnnualActivityLowerLimit") > 0).any(axis=2)
        lower |= m.array("TotalTechnologyModelPeriodActivityLowerLimit") > 0
        used |= lower[:, :, None]
        if (found := m.given.get("VariableCost")) is not None:
            told = found.values < 0
            used[found.at[0, told], found.at[1, told], found.at[2, told]] = True
        return used

    def numbers(self, name: str) -> list[int]:
        """Return the members of a set that are numbers."""
        return [int(word) for word in self.sets[name]]

    def conversion(self, name: str) -> Floats:
        """Return the season, day type or bracket of each slice, NaN where none or several are given."""
        given = self.model.array(name) != 0
        found = np.full(len(given), np.nan)
        one = given.sum(axis=1) == 1
        if one.any():
            found[one] = np.array(self.numbers(PARAMETERS[name].indices[1]), np.float64)[given[one].argmax(axis=1)]
        return found

    def rates(self) -> Floats:
        """Return the discount rate of each technology: its own, else that of the region."""
        m = self.model
        if self.is_pulp:
            return m.array("DiscountRateTech")
        if "DiscountRateIdv" in m.source.defaults:
            return m.array("DiscountRateIdv")
        rates = np.repeat(m.array("DiscountRate")[:, None], self.size[TECHNOLOGY], axis=1)
        own = m.array("DiscountRateIdv", np.nan)
        return np.where(np.isnan(own), rates, own)

    def storage_rates(self) -> Floats:
        """Return the discount rate of each store."""
        m = self.model
        if self.is_pulp:
            return m.array("DiscountRateSto")
        if m.source.dialect == "pulp" and "DiscountRateStorage" not in m.source.declared:
            return np.repeat(m.array("DiscountRate")[:, None], self.size[STORAGE], axis=1)
        return m.array("DiscountRateStorage")

    def units_of(self) -> tuple[Ints, Ints]:
        """Return the technologies of each region: all where there is one region, else those that the source mentions."""
        r, t = self.pairs(REGION, TECHNOLOGY)
        if self.size[REGION] == 1:
            return r, t
        used = np.zeros((self.size[REGION], self.size[TECHNOLOGY]), bool)
        for name, found in self.model.given.items():
            if PARAMETERS[name].indices[:2] == (REGION, TECHNOLOGY):
                told = found.values != self.model.default(name)
                used[found.at[0, told], found.at[1, told]] = True
        used |= self.modes.any(axis=2)
        used |= (self.model.array("TotalAnnualMinCapacity") > 0).any(axis=2)
        keep = used[r, t]
        return r[keep], t[keep]

    def unlimited(self, name: str) -> Floats:
        """Return an upper limit with NaN for unlimited."""
        values = self.model.array(name)
        values = np.where(values == UNLIMITED, np.nan, values)
        if name == "TotalTechnologyModelPeriodActivityUpperLimit" and self.model.source.dialect == "pulp":
            values = np.where(values <= 0, np.nan, values)  # PuLP has this limit only above 0
        return values if self.model.source.dialect == "pulp" else np.where(values == FAR_AWAY, np.nan, values)

    def by_slice(self, name: str) -> dict[tuple[int, int], Floats]:
        """Return a parameter over year and slice, by its first two indices, where the source says something."""
        found = self.model.given.get(name)
        default = self.model.default(name)
        if found is None:
            if default == PARAMETERS[name].default:
                return {}
            full = np.full((len(self.years), self.size[SLICE]), default)
            first, second = (self.size[i] for i in PARAMETERS[name].indices[:2])
            return {(a, b): full for a in range(first) for b in range(second)}
        pair = found.at[0] * self.size[PARAMETERS[name].indices[1]] + found.at[1]
        pairs, place = np.unique(pair, return_inverse=True)
        full = np.full((len(pairs), len(self.years), self.size[SLICE]), default)
        full[place, found.at[3], found.at[2]] = found.values
        width = self.size[PARAMETERS[name].indices[1]]
        told = {(int(p) // width, int(p) % width): full[i] for i, p in enumerate(pairs)}
        if default != PARAMETERS[name].default:
            plain = np.full((len(self.years), self.size[SLICE]), default)
            first = self.size[PARAMETERS[name].indices[0]]
            told = {(a, b): plain for a in range(first) for b in range(width)} | told
        return told

    def variable_costs(self) -> Floats:
        """Return variable costs; those of a technology and year that add up to 0 over its modes are not charged at all."""
        costs = self.model.array("VariableCost")
        cancels = (costs.sum(axis=2) == 0) & (costs != 0).any(axis=2)
        return np.where(cancels[:, :, None, :], 0.0, costs)

    def usual_fuel(self) -> Ints:
        """Return a fuel of each technology: its first output or input, else the first fuel of all."""
        usual = np.zeros((self.size[REGION], self.size[TECHNOLOGY]), np.int64)
        for name in ("InputActivityRatio", "OutputActivityRatio"):
            if (found := self.model.given.get(name)) is not None:
                told = found.values != 0
                usual[found.at[0, told], found.at[1, told]] = found.at[2, told]
        return usual

    def sparse(self, name: str) -> tuple[Ints, Floats, Ints] | None:
        """Return the keys that have a value other than 0 in some year, with their values over the years, NaN where 0."""
        found = self.model.given.get(name)
        if found is None or not (found.values != 0).any():
            return None
        told = found.values != 0
        sizes = [self.size[i] for i in PARAMETERS[name].indices[:-1]]
        flat = np.ravel_multi_index(tuple(found.at[:-1, told]), sizes)
        keys, place = np.unique(flat, return_inverse=True)
        ratio = np.full((len(keys), len(self.years)), np.nan)
        ratio[place, found.at[-1, told]] = found.values[told]
        rows = np.zeros(ratio.shape, np.int64)
        rows[place, found.at[-1, told]] = found.rows[told]
        return np.stack(np.unravel_index(keys, sizes)), ratio, rows

    def is_told(self, r: int, s: int) -> bool:
        """Return whether the source says anything of a store in a region."""
        for name, found in self.model.given.items():
            indices = PARAMETERS[name].indices
            if REGION in indices and STORAGE in indices:
                place = indices.index(STORAGE)
                if ((found.at[0] == r) & (found.at[place] == s)).any():
                    return True
        return False

    def pairs(self, first: str, second: str) -> tuple[Ints, Ints]:
        """Return all pairs of two sets."""
        a, b = np.divmod(np.arange(self.size[first] * self.size[second]), max(self.size[second], 1))
        return a, b

    def named(self, name: str, at: Ints) -> NDArray[np.object_]:
        """Return members of a set by place."""
        return np.array(self.sets[name], object)[at]

    def rows_of(self, name: str) -> Ints:
        """Return the row in which each member of a set stands, shape (members,); 0 where the source has no set."""
        members = self.model.source.sets.get(name)
        first: dict[str, int] = {}
        for word, row in zip(members.words, members.rows, strict=True) if members else ():
            first.setdefault(word, row)
        return np.array([first.get(word, 0) for word in self.sets[name]], np.int64)


def off(values: Floats) -> Floats:
    """Return values with NaN for what is not above 0 and so off."""
    return np.where(values > 0, values, np.nan)


def is_hp(model: Model) -> bool:
    """Return whether a source is for the "HP" version of OSeMOSYS_PuLP, a school of its own."""
    names = {"DiscountRateTech", "DiscountRateSto", "OutputModeofoperation", "StorageMaxCapacity", "GIS_Losses"}
    return model.source.dialect == "pulp" and bool(names & set(model.source.declared))


def greatest_label(slices: Sequence[str]) -> int:
    """Return what OSeMOSYS_PuLP takes for the number of slices: the greatest label in the order of text, 9 of 1 to 48.

    Examples
    --------
    >>> greatest_label(["1", "2", "3"]), greatest_label([str(i) for i in range(1, 49)])
    (3, 9)
    """
    return int(max(slices))

"""Linked storages over seasons, day types and daily brackets, as in OSeMOSYS [2.6].

Levels are kept at the start of years, seasons and day types; a season repeats its day types week by week. Equations S1 to
S15, SC1 to SC6 and SI1 to SI3 of OSeMOSYS (GNU MathProg, long); there are no losses, and energy may stay for years.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dhsdb.models.grids import places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dhsdb.models.energy import EnergyModel

YEAR_H = 8760.0


def add(energy: EnergyModel) -> None:
    """Add the linked storages."""
    st = energy.system.stores
    chosen = places((st.how == "daytype") & (st.balance < 0))
    if chosen:
        _Daytype(energy, chosen)


class _Daytype:
    """The columns and rows of all linked storages, each index (y, s, season, day type, bracket)."""

    def __init__(self, energy: EnergyModel, chosen: list[int]) -> None:
        self.energy, self.model, self.chosen = energy, energy.model, chosen
        c, st = energy.system.calendar, energy.system.stores
        self.names = [st.energy.names[s] for s in chosen]
        self.n = (
            energy.n_years,
            len(chosen),
            int(c.season.max()) + 1,
            int(c.daytype.max()) + 1,
            int(c.bracket.max()) + 1,
        )
        self.rates()
        self.levels()
        self.limits()

    def sets(self, depth: int) -> tuple[tuple[str, Sequence[int] | Sequence[str]], ...]:
        labels = ("season", "day type", "bracket")
        parts = [(label, list(range(1, n + 1))) for label, n in zip(labels, self.n[2:], strict=True)]
        return (self.energy.year, ("storage", self.names), *parts[:depth])

    def rates(self) -> None:
        """S1 to S4, SC5, SC6: charging and discharging, what that adds to a year and to a day."""
        model, c, st, system = self.model, self.energy.system.calendar, self.energy.system.stores, self.energy.system
        most = {1.0: st.charge_max[:, self.chosen], -1.0: st.discharge_max[:, self.chosen]}
        self.rate = {}
        for sign, name in ((1.0, "charging"), (-1.0, "discharging")):
            upper = np.broadcast_to(most[sign][:, :, None, None, None], self.n)
            block = model.add_columns(f"rate of {name}", self.n, -np.inf, upper, unit="MW", sets=self.sets(3))
            rows = model.add_rows(f"{name} by links", self.n, 0.0, 0.0, unit="MW", sets=self.sets(3))
            model.add_terms(rows, block, 1.0)
            for link in (x for x in system.links if x.sign == sign and x.store in self.chosen):
                at = rows.index[:, self.chosen.index(link.store)][:, c.season, c.daytype, c.bracket]
                model.add_terms(at, self.energy.act.index[:, link.activity], -link.ratio[:, None])
            self.rate[sign] = block
        within = np.zeros((self.n[0], *self.n[2:]))  # hours of the year that each place in the calendar stands for
        for y in range(self.n[0]):
            np.add.at(within[y], (c.season, c.daytype, c.bracket), system.weight[y])
        day = YEAR_H * c.day_split[:, None, None, :] * np.ones(within.shape)
        self.in_year, self.in_day = (
            self._net(f"net charge within the {n}", h) for n, h in (("year", within), ("day", day))
        )

    def _net(
        self, name: str, hours: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
        block = self.model.add_columns(name, self.n, -np.inf, np.inf, unit="MWh", sets=self.sets(3))
        rows = self.model.add_rows(f"{name} adds up", self.n, 0.0, 0.0, unit="MWh", sets=self.sets(3))
        self.model.add_terms(rows, block, 1.0)
        for sign, rate in self.rate.items():
            self.model.add_terms(rows, rate, -sign * hours[:, None])
        return block.index

    def levels(self) -> None:
        """S5 to S15: levels at the start and the end of years, seasons and day types."""
        start = np.nan_to_num(self.energy.system.stores.level_start[0, self.chosen])
        made = {
            name: self.model.add_columns(f"level at {name}", self.n[: 2 + depth], unit="MWh", sets=self.sets(depth)).index
            for name, depth in (
                ("the start of the year", 0), ("the end of the year", 0), ("the start of the season", 1),
                ("the start of the day type", 2), ("the end of the day type", 2),
            )
        }  # fmt: skip
        year, finish, season, day, day_end = made.values()
        self.day, self.day_end = day, day_end
        days = self.energy.system.calendar.days
        self._equal("year begins", year[:1], (), start[None, :])
        self._equal("year follows year", year[1:], [(year[:-1], 1.0), *self._sum(self.in_year[:-1], 3)])
        self._equal("year ends as the next begins", finish[:-1], [(year[1:], 1.0)])
        self._equal("last year ends", finish[-1:], [(year[-1:], 1.0), *self._sum(self.in_year[-1:], 3)])
        self._equal("first season begins", season[:, :, 0], [(year, 1.0)])
        self._equal(
            "season follows season",
            season[:, :, 1:],
            [(season[:, :, :-1], 1.0), *self._sum(self.in_year[:, :, :-1], 2)],
        )
        self._equal("first day type begins", day[..., 0], [(season, 1.0)])
        week = [(self.in_day[:, :, :, :, b], days[:, None]) for b in range(self.n[4])]
        self._equal(
            "day type follows day type", day[..., 1:],
            [(day[..., :-1], 1.0), *((c[..., :-1], f[..., :-1]) for c, f in week)],
        )  # fmt: skip
        self._equal("last day type of the year ends", day_end[:, :, -1, -1], [(finish, 1.0)])
        self._equal("last day type of a season ends", day_end[:, :, :-1, -1], [(season[:, :, 1:], 1.0)])
        self._equal(
            "day type ends", day_end[..., :-1], [(day_end[..., 1:], 1.0), *((c[..., 1:], -f[..., 1:]) for c, f in week)]
        )

    def limits(self) -> None:
        """SC1 to SC4, SI1, SI2: levels within the size, at the brackets of the first and of the last week."""
        for b in range(self.n[4]):
            before = [(self.in_day[..., x], 1.0) for x in range(b)]
            after = [(self.in_day[..., x], -1.0) for x in range(b + 1, self.n[4])]
            earlier = [(c[..., 1:], f) for c, f in before]
            self._within(f"bracket {b + 1} begins, first week", self.day, before)
            self._within(f"bracket {b + 1} ends, first week", self.day[..., 1:], [(c[..., :-1], f) for c, f in after])
            self._within(f"bracket {b + 1} ends, last week", self.day_end, after)
            self._within(f"bracket {b + 1} begins, last week", self.day_end[..., :-1], earlier)

    # --- rows ---------------------------------------------------------------------------------------------------------
    def _sum(
        self, index: np.ndarray[tuple[int, ...], np.dtype[np.int32]], axes: int
    ) -> list[tuple[np.ndarray[tuple[int, ...], np.dtype[np.int32]], float]]:
        """Return the terms of a sum over the last ``axes`` dimensions."""
        flat = index.reshape(*index.shape[: index.ndim - axes], -1)
        return [(flat[..., i], 1.0) for i in range(flat.shape[-1])]

    def _equal(self, name: str, left: object, right: object, value: object = 0.0) -> None:
        """Add rows ``left = right + value``."""
        index = np.asarray(left)
        if index.size:
            rows = self.model.add_rows(f"storage: {name}", index.shape, value, value, unit="MWh")  # type: ignore[arg-type]
            self.model.add_terms(rows, index, 1.0)
            for columns, factor in right:  # type: ignore[attr-defined]
                self.model.add_terms(rows, columns, -np.asarray(factor))

    def _within(self, name: str, level: object, terms: object) -> None:
        """Add rows that keep a level between the least share of the size and the size."""
        index, cap, st = np.asarray(level), self.energy.capacity["energy"], self.energy.system.stores
        if not index.size:
            return
        least = st.level_min[:, self.chosen]
        for side, share in (("most", np.ones_like(least)), ("least", least)):
            moved = cap.moved(self.chosen, share)
            wide = moved.reshape(*moved.shape, *(1 for _ in index.shape[2:]))
            low, high = (-np.inf, wide) if side == "most" else (wide, np.inf)
            rows = self.model.add_rows(f"storage: {side}, {name}", index.shape, low, high, unit="MWh")
            self.model.add_terms(rows, index, 1.0)
            for columns, factor in terms:  # type: ignore[attr-defined]
                self.model.add_terms(rows, columns, factor)
            columns = cap.columns(self.chosen)
            if columns is not None:
                spread = (slice(None), slice(None), *(None for _ in index.shape[2:]))
                self.model.add_terms(rows, columns[spread], -share[spread])

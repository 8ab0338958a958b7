"""What of OSeMOSYS data is read otherwise than it stands, or has no effect: said in findings; and how places are named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dhsdb.importers.osemosys_arrays import FAR_AWAY, greatest_label, is_hp
from dhsdb.importers.osemosys_names import EMISSION, MEANINGFUL, MODE, PARAMETERS, SLICE, TECHNOLOGY, UPPER
from dhsdb.importers.osemosys_source import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from dhsdb.errors import Problem
    from dhsdb.importers.osemosys_arrays import Arrays

    Mask = NDArray[np.bool_]

_REAL_BOUNDS = (9999.0, 99999.0)
SHOWN = 20
"""Places that are named one by one."""


class Reports:
    """Problems of a model in words, each in the place of its first value."""

    def __init__(self, arrays: Arrays) -> None:
        self.t = arrays
        self.m = arrays.model
        self.source = arrays.model.source
        self.pulp = self.source.dialect == "pulp"

    def problem(self, name: str, text: str, *at: int, code: str, hint: str = "", severity: str = "error") -> Problem:
        """Return a problem of a parameter, in the row of its first value with these indices."""
        row = self.m.row(name, *at) if at else None
        return self.source.place(name).problem(text, row, column=name, hint=hint, severity=severity, code=code)

    def given(self, name: str, bad: Mask, message: str, hint: str = "", **facts: Any) -> Iterator[Problem]:
        """Yield a problem for each given value that is bad."""
        self.m.problems.clear()
        self.m.report(name, bad, lambda v: f"{message.format(v)}", hint, **facts)
        yield from self.m.problems
        self.m.problems.clear()

    def where(
        self, name: str, mask: Mask, message: str, hint: str = "", *, code: str, severity: str = "error"
    ) -> Iterator[Problem]:
        """Yield one problem per leading index where an array over years is bad, with the years."""
        for at in np.argwhere(mask.any(axis=-1))[:SHOWN]:
            years = self.years(mask[tuple(at)])
            words = self.m.words(name, at)
            yield self.problem(
                name, f"{words}: {message} ({years}).", *map(int, at), code=code, hint=hint, severity=severity
            )

    def years(self, mask: Mask) -> str:
        """Return years in words: ranges."""
        years = [int(y) for y in self.t.years[mask]]
        if len(years) == len(self.t.years):
            return "all years"
        return ", ".join(map(str, years[:3])) + (f" ... {years[-1]}" if len(years) > 3 else "")  # noqa: PLR2004


class Remarks(Reports):
    """What is said besides problems."""

    def said(self) -> Iterator[Problem]:
        """Yield all of it."""
        m, place = self.m, Place(self.source.file)
        if not self.pulp:
            assumed = [n for n in MEANINGFUL if n not in self.source.defaults and self.is_open(n)]
            if assumed:
                listed = ", ".join(f"{n} {PARAMETERS[n].default:g}" for n in assumed)
                text = f"the source states no default for these parameters, so otoole's count: {listed}."
                yield place.problem(
                    text, severity="info", code="default-assumed", hint="A configuration states defaults."
                )
        for name, found in m.given.items():
            if name in UPPER and not self.pulp and (found.values == FAR_AWAY).any():
                n = int((found.values == FAR_AWAY).sum())
                yield self.problem(
                    name, f"{n} limits of 999999 are taken as unlimited.", code="unlimited", severity="info"
                )
        real = [n for n in UPPER if self.m.default(n) in _REAL_BOUNDS and self.is_open(n)]
        if real:
            text = f"defaults of 9999 or 99999 are bounds like any other here, not unlimited: {', '.join(real)}."
            yield place.problem(text, severity="info", code="real-bound")
        avail = m.array("AvailabilityFactor")
        yield from self.where(
            "AvailabilityFactor",
            avail > 1,
            "an availability above 1 limits nothing",
            code="availability",
            severity="warning",
        )
        if (self.t.rates() == 0).any() or (m.array("DiscountRate") == 0).any():
            text = "a discount rate is 0: GNU MathProg stops at 0/0; the limit 1/n is taken."
            yield self.problem("DiscountRate", text, code="zero-rate", severity="info")
        n = len(m.sets[SLICE])
        if is_hp(m) and (m.array("GIS_Losses") != 0).any() and (divisor := greatest_label(m.sets[SLICE])) != n:
            text = (
                f"OSeMOSYS_PuLP spreads losses over {divisor} slices, the greatest label as text, though there are {n}."
            )
            hint = f"The import does the same, so that results agree: {n / divisor:.3g} times the losses."
            yield self.problem("GIS_Losses", text, 0, code="read-by-pulp", hint=hint, severity="warning")
        if self.pulp and not is_hp(m):
            text = (
                "OSeMOSYS_PuLP weighs investments otherwise than the reference formulation (no annuities of their own)."
            )
            hint = "The scenario gets accounting=osemosys, as the reference has it."
            yield place.problem(text, severity="warning", code="accounting", hint=hint)
        yield from self.idle_modes()
        yield from self.without_effect()

    def is_open(self, name: str) -> bool:
        """Return whether some value of a parameter is left to its default."""
        sizes = [self.m.size[i] for i in PARAMETERS[name].indices]
        given = len(self.m.given[name].values) if name in self.m.given else 0
        return given < int(np.prod(sizes))

    def idle_modes(self) -> Iterator[Problem]:
        """Say which modes have no flows."""
        has = np.zeros(self.t.modes.shape, bool)
        for name in ("InputActivityRatio", "OutputActivityRatio"):
            if (found := self.m.given.get(name)) is not None:
                told = found.values != 0
                has[found.at[0, told], found.at[1, told], found.at[3, told]] = True
        idle = np.argwhere(self.t.modes & ~has)
        if len(idle):
            named = [f"{self.m.sets[TECHNOLOGY][t]}/{self.m.sets[MODE][k]}" for _, t, k in idle]
            listed = ", ".join(named[:10]) + (" ..." if len(named) > 10 else "")  # noqa: PLR2004
            text = f"{len(idle)} modes have no flows, but can meet a lower limit on activity or earn: {listed}."
            yield Place(self.source.file).problem(text, severity="info", code="idle-mode")

    def without_effect(self) -> Iterator[Problem]:
        """Say what is given of emissions, fuels or storage that nothing in the model refers to."""
        if not self.m.sets[EMISSION]:
            return
        told: set[int] = set()
        if (found := self.m.given.get("EmissionActivityRatio")) is not None:
            told = set(found.at[2, found.values != 0].tolist())
        if unused := [e for i, e in enumerate(self.m.sets[EMISSION]) if i not in told]:
            text = f"no technology emits {', '.join(unused)}."
            yield self.problem(EMISSION, text, code="not-emitted", severity="info")

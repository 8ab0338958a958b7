"""Pipe physics: which pipe carries a peak load, what a metre of it costs and how much heat it loses.

Everything is per metre of *trench*, which holds the supply and the return pipe: digging, pipes and loss of the pair
are counted once, by whoever multiplies with the trench length. Two rules can be chosen by name: ``dhsdb`` takes the
smallest pipe of a table that carries the load, ``emb3rs`` repeats the formulas of the EMB3Rs GIS module. Routes are
found in :mod:`dhsdb.models.geo`; this module knows no geometry.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from dhsdb.errors import Problem, ProblemsError, UnknownNameError, UserError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

NAMES = ("dhsdb", "emb3rs")
"""Names of the rules, as in the option ``physics``."""

W_PER_MW = 1e6

# Outer diameter and wall of the steel pipe in mm: dimensions of EN 253, with the walls that makers usually deliver.
_STEEL_MM = {
    20: (26.9, 2.6), 25: (33.7, 2.6), 32: (42.4, 2.6), 40: (48.3, 2.6), 50: (60.3, 2.9), 65: (76.1, 2.9),
    80: (88.9, 3.2), 100: (114.3, 3.6), 125: (139.7, 3.6), 150: (168.3, 4.0), 200: (219.1, 4.5), 250: (273.0, 5.0),
    300: (323.9, 5.6), 350: (355.6, 5.6), 400: (406.4, 6.3), 450: (457.0, 6.3), 500: (508.0, 6.3), 600: (610.0, 7.1),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Temperatures:
    """Temperatures [degC] of a network at one load: at design load they size pipes, over the year they set the loss.

    Attributes
    ----------
    supply_c, return_c
        Supply and return temperature; supply is the higher one.
    ground_c
        Temperature of the undisturbed ground at the depth of the pipes.
    """

    supply_c: float
    return_c: float
    ground_c: float

    def __post_init__(self) -> None:
        """Refuse a spread that carries no heat."""
        if not self.supply_c > self.return_c:
            raise UserError(
                f"the supply temperature of {self.supply_c} degC is not above the return of {self.return_c} degC",
                "Check network_temperature.supply_c and return_c.",
            )

    @property
    def mean_c(self) -> float:
        """Mean of supply and return [degC]."""
        return (self.supply_c + self.return_c) / 2

    @property
    def spread_k(self) -> float:
        """Supply minus return [K]."""
        return self.supply_c - self.return_c

    @property
    def over_ground_k(self) -> float:
        """Mean of supply and return minus ground [K]; negative in a network colder than the ground."""
        return self.mean_c - self.ground_c


@dataclass(frozen=True, slots=True)
class PipeChoice:
    """The pipes chosen for n peak loads, all arrays of shape (n,); NaN and None where no pipe is large enough.

    Attributes
    ----------
    pipe_type
        Name of the pipe, None where the rule knows no names.
    diameter_m
        Inner diameter [m].
    power_mw
        Heat that the pipe is laid out for [MW].
    velocity_m_s
        Velocity of the water at the peak load [m/s].
    cost_per_m
        Investment per metre of trench, digging and both pipes [money/m].
    loss_w_mk
        Loss of the pair per metre of trench and kelvin of its mean temperature over ground [W/(m K)].
    loss_is_absolute
        A network colder than the ground loses as much as one that is as much warmer (EMB3Rs), instead of gaining heat.
    """

    pipe_type: NDArray[np.object_]
    diameter_m: Floats
    power_mw: Floats
    velocity_m_s: Floats
    cost_per_m: Floats
    loss_w_mk: Floats
    loss_is_absolute: bool = False

    def loss_w_m(self, temperatures: Temperatures) -> Floats:
        """Return the loss of the pair [W per m of trench], shape (n,): ``loss_w_mk * ((T_s + T_r)/2 - T_ground)``."""
        lift = temperatures.over_ground_k
        return self.loss_w_mk * (abs(lift) if self.loss_is_absolute else lift)


class PipePhysics(Protocol):
    """A rule that finds the pipe for a load."""

    @property
    def name(self) -> str:
        """Name of the rule, as in the option ``physics``."""
        ...

    def choose(self, peak_mw: ArrayLike, temperatures: Temperatures) -> PipeChoice:
        """Choose a pipe for each peak load [MW], shape (n,), at design temperatures."""
        ...


def pipe_physics(name: str = "dhsdb", table: pd.DataFrame | None = None) -> PipePhysics:
    """Return the rule of that name.

    Parameters
    ----------
    name
        ``dhsdb`` or ``emb3rs``.
    table
        Pipe table as in :meth:`TablePipes.from_frame`, by default :func:`default_pipe_table`. EMB3Rs has its own pipes.
    """
    if name == "emb3rs":
        return Emb3rsPipes()
    if name == "dhsdb":
        return TablePipes.from_frame(default_pipe_table() if table is None else table)
    raise UnknownNameError("physics", name, NAMES, "the geo stage")


# --- water ------------------------------------------------------------------------------------------------------------


def water_density(temperature_c: ArrayLike) -> Floats:
    """Return the density of water [kg/m3] at a temperature [degC].

    Quadratic fit to IAPWS-IF97 at 10 bar: within 0.11 % from 5 to 150 degC.
    """
    celsius = np.asarray(temperature_c, dtype=np.float64)
    return 1002.25 - 0.145752 * celsius - 2.83629e-3 * celsius**2


def water_heat_capacity(temperature_c: ArrayLike) -> Floats:
    """Return the isobaric heat capacity of water [J/(kg K)] at a temperature [degC].

    Quadratic fit to IAPWS-IF97 at 10 bar: within 0.11 % from 5 to 150 degC.
    """
    celsius = np.asarray(temperature_c, dtype=np.float64)
    return 4201.62 - 1.06598 * celsius + 1.18631e-2 * celsius**2


def water_viscosity(temperature_c: ArrayLike) -> Floats:
    """Return the dynamic viscosity of water [Pa s] at a temperature [degC].

    ``2.414e-5 * 10^(247.8 / (T - 140 K))`` with T in K (Al-Shemmeri, Engineering Fluid Mechanics, 2012), within 1.1 %
    of IAPWS-IF97 at 10 bar from 5 to 150 degC.
    """
    kelvin = np.asarray(temperature_c, dtype=np.float64) + 273.15
    return np.asarray(2.414e-5 * 10.0 ** (247.8 / (kelvin - 140.0)))


def velocity_at_gradient(
    diameter_m: ArrayLike, gradient_pa_m: float, roughness_m: float, temperature_c: float
) -> Floats:
    """Return the velocity [m/s], shape (n,), at which a full pipe loses that pressure per metre.

    Darcy-Weisbach, ``gradient = f rho v^2 / (2 D)``, with the friction factor f of Colebrook and White,
    ``1/sqrt(f) = -2 log10(k/(3.7 D) + 2.51/(Re sqrt(f)))``. Re sqrt(f) does not depend on v once the gradient is given,
    so that both solve for v without iteration: ``v = -2 s log10(k/(3.7 D) + 2.51 mu/(rho D s))`` with
    ``s = sqrt(2 D gradient/rho)``. Turbulent flow is assumed; DN20 at 100 Pa/m has Re above 10^4.

    Parameters
    ----------
    diameter_m
        Inner diameters D [m], shape (n,).
    gradient_pa_m
        Pressure loss [Pa/m].
    roughness_m
        Roughness k of the wall [m].
    temperature_c
        Temperature of the water [degC].
    """
    diameter = np.asarray(diameter_m, dtype=np.float64)
    density, viscosity = water_density(temperature_c), water_viscosity(temperature_c)
    scale = np.sqrt(2 * diameter * gradient_pa_m / density)
    rough = roughness_m / (3.7 * diameter) + 2.51 * viscosity / (density * diameter * scale)
    return np.asarray(-2 * scale * np.log10(rough))


# --- dhsdb: the smallest pipe of a table ------------------------------------------------------------------------------


def default_pipe_table(cost_intercept: float = 439.0, cost_slope: float = 4073.0) -> pd.DataFrame:
    """Return steel pipe pairs DN20 .. DN600 with series 2 insulation, for studies that bring no prices of their own.

    An approximation, good for comparing routes and not for tenders: dimensions are those of EN 253; the loss is the
    regression ``0.16807 ln d + 0.85684`` W/(m K) of THERMOS for buried EN 253 series 2 (d = inner diameter in m), which
    fits the pair; the cost is a line ``C1 + C2 d`` per metre of trench, drawn for distribution pipes and extended here
    to DN600.

    Parameters
    ----------
    cost_intercept, cost_slope
        C1 [EUR/m] and C2 [EUR/m2]. By default sEEnergies D4.5 for Denmark, Sweden and Finland (439, 4073); Heat Roadmap
        Europe 4 and Hotmaps use 212 and 4464, Persson and Werner (2011) 286 and 2022 for inner cities. None of these
        is indexed here to a price year.

    Returns
    -------
    DataFrame
        One row per DN with pipe_type, diameter_m (inner) [m], cost_per_m [EUR per m of trench], loss_w_mk [W per m of
        trench and K, pair] and max_velocity_m_s, which is NaN: the pressure gradient decides.
    """
    import pandas as pd

    diameter = np.array([outer - 2 * wall for outer, wall in _STEEL_MM.values()]) / 1000
    columns = {
        "pipe_type": [f"DN{dn}" for dn in _STEEL_MM],
        "diameter_m": diameter.round(6),
        "cost_per_m": cost_intercept + cost_slope * diameter,
        "loss_w_mk": 0.16807 * np.log(diameter) + 0.85684,
        "max_velocity_m_s": np.nan,
    }
    return pd.DataFrame(columns)


@dataclass(frozen=True, slots=True)
class TablePipes:
    """Rule ``dhsdb``: the smallest pipe of a table that carries the load, so that no pipe is undersized.

    A pipe is laid out for its own maximum velocity, else for the velocity at which it loses ``gradient_pa_m``; the heat
    that it carries is ``rho v (pi D^2 / 4) c_p (T_s - T_r)`` with water at the mean temperature.

    Attributes
    ----------
    pipe_type, diameter_m, cost_per_m, loss_w_mk, max_velocity_m_s
        The table by rising diameter, each of shape (k,); see :meth:`from_frame`.
    gradient_pa_m
        Pressure loss at design load [Pa/m] of the pipes without a velocity; 100 Pa/m is a usual design value.
    roughness_m
        Roughness of the steel [m]; 0.1 mm stands for pipes in use.
    """

    pipe_type: NDArray[np.object_]
    diameter_m: Floats
    cost_per_m: Floats
    loss_w_mk: Floats
    max_velocity_m_s: Floats
    gradient_pa_m: float = 100.0
    roughness_m: float = 1e-4
    name: str = field(default="dhsdb", init=False)

    @classmethod
    def from_frame(cls, table: pd.DataFrame, gradient_pa_m: float = 100.0, roughness_m: float = 1e-4) -> TablePipes:
        """Read the rows of the input table ``pipe_type``.

        Parameters
        ----------
        table
            pipe_type (unique), diameter_m (inner) [m], cost_per_m [money per m of trench], loss_w_mk [W per m of trench
            and K, pair] and optionally max_velocity_m_s [m/s], NULL = by pressure gradient.
        """
        _refuse_bad_rows(table)
        rows = table.sort_values("diameter_m", kind="stable")
        return cls(
            pipe_type=rows["pipe_type"].to_numpy(object),
            diameter_m=_numbers(rows, "diameter_m"),
            cost_per_m=_numbers(rows, "cost_per_m"),
            loss_w_mk=_numbers(rows, "loss_w_mk"),
            max_velocity_m_s=_numbers(rows, "max_velocity_m_s"),
            gradient_pa_m=gradient_pa_m,
            roughness_m=roughness_m,
        )

    def layout(self, temperatures: Temperatures) -> tuple[Floats, Floats]:
        """Return design velocity [m/s] and heat carried [MW] of each pipe of the table, both of shape (k,)."""
        by_gradient = velocity_at_gradient(self.diameter_m, self.gradient_pa_m, self.roughness_m, temperatures.mean_c)
        velocity = np.where(np.isnan(self.max_velocity_m_s), by_gradient, self.max_velocity_m_s)
        return velocity, velocity * _mw_per_velocity(self.diameter_m, temperatures)

    def choose(self, peak_mw: ArrayLike, temperatures: Temperatures) -> PipeChoice:
        """Choose the smallest pipe for each peak load [MW], shape (n,); NaN and None where the largest is too small."""
        peak = _loads(peak_mw)
        power = self.layout(temperatures)[1]
        # A wider pipe with a low velocity may carry less than the one before it; the running maximum skips it.
        index = np.searchsorted(np.maximum.accumulate(power), peak, side="left")

        def take(values: Floats) -> Floats:
            return np.append(values, np.nan)[index]

        return PipeChoice(
            pipe_type=np.concatenate([self.pipe_type, np.array([None])])[index],
            diameter_m=take(self.diameter_m),
            power_mw=take(power),
            velocity_m_s=peak / take(_mw_per_velocity(self.diameter_m, temperatures)),
            cost_per_m=take(self.cost_per_m),
            loss_w_mk=take(self.loss_w_mk),
        )


def _mw_per_velocity(diameter_m: Floats, temperatures: Temperatures) -> Floats:
    """Return the heat carried per velocity [MW/(m/s)]: ``rho (pi D^2 / 4) c_p (T_s - T_r)``."""
    heat = water_density(temperatures.mean_c) * water_heat_capacity(temperatures.mean_c) * temperatures.spread_k
    return np.pi / 4 * diameter_m**2 * heat / W_PER_MW


def _loads(peak_mw: ArrayLike) -> Floats:
    """Return the peak loads as an array; a load that is negative or missing is a caller's mistake."""
    peak = np.atleast_1d(np.asarray(peak_mw, dtype=np.float64))
    if not (peak >= 0).all():
        raise UserError(f"a peak load is missing or negative: {peak[~(peak >= 0)][0]} MW")
    return peak


def _numbers(rows: pd.DataFrame, name: str) -> Floats:
    """Return a column as floats; NaN where it is empty, is no number, or does not exist."""
    import pandas as pd

    if name not in rows:
        return np.full(len(rows), np.nan)
    return np.asarray(pd.to_numeric(rows[name], errors="coerce"), dtype=np.float64)


def _refuse_bad_rows(table: pd.DataFrame) -> None:
    """Raise with all that is wrong in a pipe table."""
    needed = ("pipe_type", "diameter_m", "cost_per_m", "loss_w_mk")
    problems = [Problem("the column is missing", column=name) for name in needed if name not in table]
    if not problems and table.empty:
        problems.append(Problem("there is no pipe"))
    if problems:
        raise ProblemsError(problems, "the pipe table")
    twice = table["pipe_type"][table["pipe_type"].duplicated()]
    problems += [Problem(f"pipe type {pipe} stands twice", column="pipe_type", value=pipe) for pipe in twice]
    for name in (*needed[1:], "max_velocity_m_s"):
        values = _numbers(table, name)
        bad = (values < 0) | ((values == 0) & (name != "cost_per_m"))
        if name != "max_velocity_m_s":
            bad |= np.isnan(values)
        wrong = zip(table["pipe_type"][bad], values[bad], strict=True)
        problems += [Problem(f"{name} of {pipe} is {value}", column=name, value=value) for pipe, value in wrong]
    if problems:
        raise ProblemsError(problems, "the pipe table")


# --- emb3rs: the formulas of the EMB3Rs GIS module --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Emb3rsPipes:
    """Rule ``emb3rs``: the formulas of the EMB3Rs GIS module (``optimize_network.py``), so that its results reproduce.

    Diameters are D = 0.010, 0.011 .. 1.000 m. The pipe is the one whose heat is *nearest* to the load, so that it may
    be too small, and 1 m carries any load. EMB3Rs multiplies cost and loss with supply + return length, twice the
    trench: so the digging is paid twice here too, and the loss, whose regression is that of a pair, counts double.

    Attributes
    ----------
    dig_fixed, dig_slope, dig_exponent
        Digging in a street, ``fixed + (slope D)^exponent`` [EUR per m of pipe].
    pipe_fixed, pipe_slope, pipe_exponent
        The pipe itself, likewise. Defaults are those of the Stockholm study (``run.py``).
    """

    dig_fixed: float = 350.0
    dig_slope: float = 700.0
    dig_exponent: float = 1.1
    pipe_fixed: float = 50.0
    pipe_slope: float = 700.0
    pipe_exponent: float = 1.3
    name: str = field(default="emb3rs", init=False)

    def layout(self, temperatures: Temperatures) -> tuple[Floats, Floats]:
        """Return diameters [m] and the heat carried [MW], both of shape (991,).

        ``v = 4.7617 (D/2)^0.3701 - 0.4834`` m/s, ``Q = pi (D/2)^2 v * 1000 kg/m3 * 4.18 kJ/(kg K) * |T_s - T_r|``.
        """
        diameter = np.arange(10, 1001) / 1000
        velocity = 4.7617 * (diameter / 2) ** 0.3701 - 0.4834
        return diameter, velocity * self._mw_per_velocity(diameter, temperatures)

    def choose(self, peak_mw: ArrayLike, temperatures: Temperatures) -> PipeChoice:
        """Choose the pipe of nearest power for each peak load [MW], shape (n,)."""
        peak = _loads(peak_mw)
        diameters, power = self.layout(temperatures)
        above = np.clip(np.searchsorted(power, peak), 1, len(power) - 1)
        # argmin takes the first of two that are equally near: the smaller one.
        index = above - (peak - power[above - 1] <= power[above] - peak)
        diameter = diameters[index]
        return PipeChoice(
            pipe_type=np.full(len(peak), None, dtype=object),
            diameter_m=diameter,
            power_mw=power[index],
            velocity_m_s=peak / self._mw_per_velocity(diameter, temperatures),
            cost_per_m=2 * self._cost_per_pipe_m(diameter),
            loss_w_mk=2 * (0.1685 * np.log(diameter) + 0.85684),
            loss_is_absolute=True,
        )

    def _cost_per_pipe_m(self, diameter: Floats) -> Floats:
        dig = self.dig_fixed + (self.dig_slope * diameter) ** self.dig_exponent
        return dig + self.pipe_fixed + (self.pipe_slope * diameter) ** self.pipe_exponent

    @staticmethod
    def _mw_per_velocity(diameter: Floats, temperatures: Temperatures) -> Floats:
        """Return the heat carried per velocity [MW/(m/s)] with the constants of EMB3Rs."""
        return np.pi * (diameter / 2) ** 2 * 1000 * 4.18 * temperatures.spread_k / 1000

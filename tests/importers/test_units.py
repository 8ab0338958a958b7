"""Units as files write them."""

from __future__ import annotations

import numpy as np
import pytest

from dhsdb.importers.units import UnitError, conversion
from dhsdb.schema.catalog import INPUT


@pytest.mark.parametrize(
    ("source", "target", "given", "expected"),
    [
        ("kW", "MW", 1100, 1.1),
        ("MW_th", "MW", 5, 5),
        ("kWel", "MW", 500, 0.5),
        ("kEUR/MW", "money/MW", 60, 60_000),
        ("€/kW/a", "money/MW/year", 2, 2000),
        ("EUR/(kW a)", "money/MW/year", 2, 2000),
        ("million SEK/MW", "money/MW", 1.5, 1_500_000),
        ("ct/kWh", "money/MWh", 3.5, 35),
        ("öre/kWh", "money/MWh", 50, 500),
        ("%", "", 95, 0.95),
        ("%/a", "1/year", 3, 0.03),
        ("GWh", "MWh/year", 2, 2000),
        ("GWh/a", "MWh", 2, 2000),
        ("h", "hour/year", 2300, 2300),
        ("TJ", "MWh", 3.6, 1000),
        ("kWh/m²a", "kWh/m^2/year", 105, 105),
        ("kWh/(m²·a)", "kWh/m^2/year", 105, 105),
        ("mm", "m", 107.1, 0.1071),
        ("m2", "m^2", 7, 7),
        ("ha", "m^2", 2, 20_000),
        ("K", "degC", 300, 26.85),
        ("°C", "degC", 90, 90),
        ("degF", "degC", 212, 100),
        ("W/(m K)", "W/m/delta_degC", 0.35, 0.35),
        ("W/m/°C", "W/m/delta_degC", 0.35, 0.35),
        ("g/kWh", "t/MWh", 200, 0.2),
        ("tons", "t", 3, 3),
    ],
)
def test_units_of_the_field_are_converted(source: str, target: str, given: float, expected: float) -> None:
    assert conversion(source, target).apply(np.array([given]))[0] == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("source", "target", "hint"),
    [
        ("MW", "MWh/year", "Give MWh/year"),
        ("EUR/kW", "money/MW/year", "Give EUR/MW/year (or another currency)"),
        ("EUR/MW/a", "money/MW", "Give EUR/MW"),
        ("kWh", "MW", "Give MW"),
        ("W/mK", "W/m/delta_degC", "Give W/m/delta_degC"),
        ("TEUR/MW", "money/t", "Give EUR/t"),
        ("MW", "", "Leave the unit out"),
        ("KW", "MW", "Did you mean 'kW'?"),
        ("mwh", "MWh", "Did you mean 'MWh'?"),
        ("parsec", "m", "Give m"),
        ("MW-h", "MWh", "Did you mean 'MWh'?"),
        ("(", "MW", "Give MW"),
        ("9**9**9", "MW", "Give MW"),
        ("m^99999999", "m", "Give m"),
        ("W" * 1000, "MW", "Give MW"),
    ],
)
def test_other_units_are_refused_with_a_hint(source: str, target: str, hint: str) -> None:
    with pytest.raises(UnitError) as caught:
        conversion(source, target)
    assert hint in caught.value.hint


def test_whole_factors_leave_no_digits_behind() -> None:
    values = np.arange(1, 10_000) / 10
    assert (conversion("kW", "MW").apply(values) == values / 1000).all()


def test_every_unit_of_the_schema_is_known() -> None:
    units = {meaning.unit for table in INPUT.values() for meaning in table.own().values()}
    for unit in units:
        assert conversion(unit.replace("money", "EUR"), unit).apply(np.array([1.0]))[0] == 1

"""Factors of the four schools against figures found by hand."""

from __future__ import annotations

import numpy as np
import pytest

from dhsdb.models.accounting import Asset, horizon


def asset(life: float, wacc: float, discount: float, method: float = 1.0, n: int = 2, **kind: str) -> Asset:
    return Asset(np.full((n, 1), life), np.full((n, 1), wacc), np.array([discount]), np.array([method]), **kind)  # type: ignore[arg-type]


def nan(n: int) -> np.ndarray:
    return np.full(n, np.nan)


def annuity(life: float, rate: float) -> float:
    return rate * (1 + rate) ** life / ((1 + rate) ** life - 1)


def test_urbs_discounts_from_the_second_payment_on_and_pays_annuities_within_the_horizon() -> None:
    time = horizon([2020, 2030], np.array([np.nan, 5.0]), "urbs")
    running = time.running(np.array([0.03]))[:, 0]
    assert running[0] == pytest.approx(sum(1.03**-a for a in range(10)))
    assert running[1] == pytest.approx(sum(1.03 ** -(10 + a) for a in range(5)))
    weight = time.investment(asset(20, 0.07, 0.03))[:, 0]
    assert weight[0] == pytest.approx(annuity(20, 0.07) * sum(1.03**-a for a in range(15)))  # 2020 .. 2034
    assert weight[1] == pytest.approx(annuity(20, 0.07) * sum(1.03 ** -(10 + a) for a in range(5)))


def test_urbs_of_one_year_pays_one_annuity() -> None:
    time = horizon([2024], nan(1), "urbs")
    assert time.investment(asset(50, 0.07, 0.03, n=1))[0, 0] == pytest.approx(annuity(50, 0.07))
    assert time.running(np.array([0.03]))[0, 0] == 1.0


def test_urbs_wants_processes_to_live_through_half_a_period_and_storages_through_all() -> None:
    time = horizon([2020, 2030, 2040], np.array([np.nan, np.nan, 10.0]), "urbs")
    life = np.full((3, 1), 15.0)
    process, storage = time.alive(life)[:, :, 0], time.alive(life, "storage")[:, :, 0]
    assert process.tolist() == [[True, True, False], [False, True, False], [False, False, True]]
    assert storage.tolist() == [[True, False, False], [False, True, False], [False, False, True]]
    # 2040 + 10 - 1 <= 2030 + 19, but what stands must outlive the last year
    assert time.alive(np.full((3, 1), 19.0))[1, 2, 0]
    assert not time.standing(np.array([29.0]))[2, 0]
    assert time.standing(np.array([30.0]))[2, 0]


def test_osemosys_takes_the_salvage_value_off_at_the_end() -> None:
    time = horizon([2020, 2021], nan(2), "osemosys")
    weight = time.investment(asset(10, 0.05, 0.05))[:, 0]
    fund = [1 - (1.05**used - 1) / (1.05**10 - 1) for used in (2, 1)]
    assert weight == pytest.approx([1 - fund[0] / 1.05**2, 1 / 1.05 - fund[1] / 1.05**2])
    line = time.investment(asset(10, 0.05, 0.05, method=2))[:, 0]
    assert line == pytest.approx([1 - 0.8 / 1.05**2, 1 / 1.05 - 0.9 / 1.05**2])
    assert time.running(np.array([0.05]))[:, 0] == pytest.approx([1.05**-0.5, 1.05**-1.5])
    assert time.investment(asset(2, 0.05, 0.05))[0, 0] == pytest.approx(1.0)  # nothing is left of it


def test_osemosys_recovers_capital_at_the_units_own_rate() -> None:
    time = horizon([2020], nan(1), "osemosys")
    crf = (1 - 1 / 1.08) / (1 - 1.08**-1)
    worth = (1 - 1.05**-1) * 1.05 / 0.05
    assert time.investment(asset(1, 0.08, 0.05, n=1))[0, 0] == pytest.approx(crf * worth)


def test_without_discounting_every_year_counts_alike() -> None:
    for school in ("urbs", "osemosys", "dhsdb"):
        time = horizon([2020, 2021], nan(2), school)  # type: ignore[arg-type]
        assert time.running(np.zeros(1))[:, 0] == pytest.approx([1.0, 1.0])
        paid = {"urbs": [0.2, 0.1], "osemosys": [0.2, 0.1], "dhsdb": [0.2, 0.1]}[school]
        assert time.investment(asset(10, 0.0, 0.0))[:, 0] == pytest.approx(paid)


def test_emb3rs_discounts_with_the_units_own_rate() -> None:
    time = horizon([2020, 2021], nan(2), "emb3rs")
    assert time.running_each(np.full((2, 1), 0.1))[:, 0] == pytest.approx([1.1**-0.5, 1.1**-1.5])
    assert time.investment(asset(2, 0.1, 0.05))[0, 0] == pytest.approx(1.0)

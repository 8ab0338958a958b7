from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dhsdb.errors import ProblemsError, UnknownNameError, UserError
from dhsdb.rates import Rate, import_rates, rates, remove_rate, set_rate
from dhsdb.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from dhsdb.database import Database
    from tests.dhsdb.conftest import Cli


def test_no_rate_is_shipped(db: Database) -> None:
    assert rates(db) == []


def test_a_rate_is_set_and_completed(db: Database) -> None:
    assert set_rate(db, "sek", 2020, per_eur=10.5, source="ECB") == Rate("SEK", 2020, 10.5, None, "ECB")
    assert Store(db.path).set_rate("SEK", 2020, price_level=100, source="SCB") == Rate("SEK", 2020, 10.5, 100.0, "SCB")
    assert set_rate(db, "EUR", 2020, price_level=105.0, source="Eurostat") == Rate("EUR", 2020, None, 105.0, "Eurostat")
    assert [(r.currency, r.year) for r in rates(db)] == [("EUR", 2020), ("SEK", 2020)]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"currency": "kronor"}, "'kronor' is no ISO code"),
        ({"year": 20}, "'20' is no year"),
        ({"per_eur": 0.0}, "per_eur can't be '0.0'"),
        ({"per_eur": float("inf")}, "per_eur can't be 'inf'"),
        ({"price_level": -3.0}, "price_level can't be '-3.0'"),
        ({"per_eur": None}, "neither a rate nor a price level"),
        ({"source": " "}, "no source is named"),
        ({"currency": "EUR", "per_eur": 2.0}, "one EUR is one EUR, not 2"),
    ],
)
def test_what_can_not_be_is_refused(db: Database, given: dict[str, Any], said: str) -> None:
    sound: dict[str, Any] = {"currency": "SEK", "year": 2020, "per_eur": 10.5, "source": "ECB"}
    with pytest.raises(UserError, match=said):
        set_rate(db, **(sound | given))
    assert rates(db) == []


def test_a_rate_is_removed(db: Database) -> None:
    for year in (2020, 2021, 2022):
        set_rate(db, "SEK", year, per_eur=10.0, source="ECB")
    assert remove_rate(db, "sek", 2020) == 1
    with pytest.raises(UnknownNameError, match="unknown year of SEK '2020'"):
        remove_rate(db, "SEK", 2020)
    with pytest.raises(UnknownNameError, match="Did you mean 'SEK'"):
        remove_rate(db, "SKK")
    assert remove_rate(db, "SEK") == 2


def test_a_file_of_rates_is_read_over_what_is_there(db: Database, tmp_path: Path) -> None:
    set_rate(db, "SEK", 2020, per_eur=1.0, price_level=100.0, source="a guess")
    file = tmp_path / "rates.csv"
    file.write_text("Currency;Year;per_eur;source\nSEK;2020;10.5;ECB\n\nNOK;2020;10.7;\n", encoding="utf-8-sig")
    assert len(import_rates(db, file, "ECB")) == 2
    assert rates(db) == [Rate("NOK", 2020, 10.7, None, "ECB"), Rate("SEK", 2020, 10.5, 100.0, "ECB")]


def test_all_mistakes_of_a_file_are_reported_at_once(db: Database, tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text(
        "currency,year,per_eur,price_level,source\nSEK,2020,10.5,100,ECB\nSK,x,a,,\nsek,2020,1,,ECB\nNOK,2020,,,ECB\n"
    )
    with pytest.raises(ProblemsError) as caught:
        import_rates(db, file)
    assert [(p.row, p.column) for p in caught.value.problems] == [
        (3, "currency"), (3, "year"), (3, "per_eur"), (3, "source"), (4, ""), (5, ""),
    ]  # fmt: skip
    assert rates(db) == []
    for head, said in (
        ("currency,yeer,per_eur", "Did you mean 'year'"),
        ("a", "no column 'currency'"),
        ("", "no column"),
    ):
        file.write_text(head)
        with pytest.raises(ProblemsError, match=said):
            import_rates(db, file)
    with pytest.raises(UserError, match="can't be read"):
        import_rates(db, tmp_path / "none.csv")


def test_the_command_line(db: Database, cli: Cli, tmp_path: Path) -> None:
    code, out, _ = cli(db, "money", "list")
    assert (code, "dhsdb money set" in out) == (0, True)
    code, out, _ = cli(
        db, "money", "set", "SEK", "2024", "--per-eur", "11.43", "--price-level", "125", "--source", "ECB"
    )
    assert (code, out.strip()) == (0, "SEK 2024: per EUR 11.43, price level 125 (ECB)")
    expected = {"currency": "SEK", "year": 2024, "per_eur": 11.43, "price_level": 125.0, "source": "ECB"}
    assert json.loads(cli(db, "money", "list", "--json")[1]) == [expected]
    assert "2024" in cli(db, "money", "list")[1]
    code, _, err = cli(db, "money", "set", "SEK", "2024", "--per-eur", "11")
    assert (code, "--source" in err) == (2, True)
    file = tmp_path / "rates.csv"
    file.write_text("currency,year,per_eur\nNOK,2024,11.6\n")
    assert cli(db, "money", "import", str(file))[0] == 2
    assert cli(db, "money", "import", str(file), "--source", "ECB")[0] == 0
    assert json.loads(cli(db, "money", "remove", "NOK", "--json")[1]) == {"removed": 1}
    assert cli(db, "money", "remove", "NOK")[0] == 2

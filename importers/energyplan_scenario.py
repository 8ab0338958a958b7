"""EnergyPLAN's keys and distributions put on top of what a scenario holds: rows of ``energyplan_key``, and the cells that follow."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dhsdb.errors import Problem, did_you_mean
from dhsdb.importers.energyplan_inputs import meaning_of
from dhsdb.importers.energyplan_keys import Cells, Keys, Meaning, Profiles, kept_only
from dhsdb.importers.energyplan_text import HOURS, VERSION, Entry, InputFile, Layout, number
from dhsdb.importers.rows import ROW, Rows, Series

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from dhsdb.importers.rows import Held, Item, Request

_NAMED = 12
"""Keys that a finding names."""


class Inputs:
    """Keys and distributions of an import, put on top of what the scenario holds."""

    def __init__(
        self, files: Sequence[InputFile], distributions: Mapping[str, tuple[Path, list[float]]], request: Request
    ) -> None:
        self.files = files
        self.distributions = distributions
        self.request = request
        self.problems: list[Problem] = []
        self._values: dict[str, Any] = {}
        self.held = self.held_entries(request.held) if self.needed else []
        kept = set(request.held.table("profile")["profile"]) if request.held and self.needed else set()
        self.before = Profiles(sorted(kept), self.held_values)
        self.after = Profiles([*distributions, *sorted(kept)], self.values)

    def held_values(self, name: str) -> Any:
        """Return the values of a profile that the scenario holds."""
        if name not in self._values:
            held = self.request.held.profile(name) if self.request.held else None
            self._values[name] = held.values if held else None  # noqa: PD011  no frame
        return self._values[name]

    def values(self, name: str) -> Any:
        """Return the values of a distribution of this import, else of one that the scenario holds."""
        return self.distributions[name][1] if name in self.distributions else self.held_values(name)

    @property
    def needed(self) -> bool:
        """Whether the import has inputs at all."""
        return bool(self.files or self.distributions)

    def held_entries(self, held: Held | None) -> list[Entry]:
        """Return the keys that the scenario holds for the year asked for."""
        rows = held.table("energyplan_key") if held else None
        if rows is None or not len(rows):
            return []
        if self.request.year is not None:
            rows = rows[rows["year"].isna() | (rows["year"] == self.request.year)]
        years = rows["year"].dropna().unique()
        first = rows if not len(years) else rows[rows["year"] == years.min()]
        distinct = rows[["key", "occurrence", "value"]].drop_duplicates()
        if len(years) > 1 and len(distinct) > len(first) and self.files:
            self.problems.append(
                Problem(
                    "the keys of the scenario differ by year.",
                    hint="Say with --year which of them to change.",
                    code="year",
                )
            )
        return list(held_as_entries(first))

    def items(self) -> Iterator[Item]:
        """Yield keys, what follows from them, and profiles."""
        if not self.needed:
            return
        whole = [f for f in self.files if f.kind == "input"]
        parts = [f for f in self.files if f.kind != "input"]
        if len(whole) > 1:
            named = ", ".join(f.path.name for f in whole)
            said = f"there are {len(whole)} input files: {named}; a scenario holds one."
            yield Problem(
                said,
                str(whole[1].path),
                hint="Import each into a scenario of its own, or a year of its own.",
                code="twice",
            )
            return
        base = whole[0] if whole else self.alone(parts)
        parts = [p for p in parts if p is not base]
        entries = list(base.entries) if base else list(self.held)
        for part in parts:
            entries = self.changed(entries, part)
        yield from self.problems
        if self.problems:
            return
        meaning = self.meaning(entries, self.after)
        yield from self.keys(base, entries)
        yield from self.cells(base, meaning)
        yield from self.profiles(base, meaning, entries)
        yield from self.remarks(base, meaning, entries)

    def alone(self, parts: Sequence[InputFile]) -> InputFile | None:
        """Return a cost file that comes into a scenario without keys: it stands for itself."""
        return next((p for p in parts if p.kind == "cost"), None) if not self.held else None

    # --- keys ---------------------------------------------------------------------------------------------------------
    def changed(self, entries: list[Entry], part: InputFile) -> list[Entry]:
        """Return keys with those of a fragment or a cost file in their place."""
        if not entries:
            said = "a fragment changes the keys of an input file, but there are none yet."
            hint = f"Import the whole input file into '{self.request.scenario}' first, or with it in one command."
            self.problems.append(Problem(said, str(part.path), hint=hint, code="fragment"))
            return entries
        places: dict[str, list[int]] = {}
        for at, entry in enumerate(entries):
            places.setdefault(entry.key.casefold(), []).append(at)
        known = {e.key for e in entries}
        for entry in (e for e in part.entries if e.key != VERSION):
            where = places.get(entry.key.casefold())
            if where is None:
                said = f"the input file has no key '{entry.key}'."
                hint = did_you_mean(entry.key, known) or "Its version is another one."
                self.problems.append(
                    Problem(said, str(part.path), row=entry.row, column=entry.key, hint=hint, code="unknown-key")
                )
                continue
            again = sum(e.key == entry.key for e in part.entries) > 1
            for at in where[entry.occurrence - 1 : entry.occurrence] if again else where:
                entries[at] = replace(entries[at], value=entry.value, path=part.path, row=entry.row)
        return entries

    def keys(self, base: InputFile | None, entries: Sequence[Entry]) -> Iterator[Item]:
        """Yield the keys that a file of this import says, and how the base file is written."""
        import pandas as pd  # heavy

        if base is not None:
            layout = base.layout
            facts = {
                "file": base.kind, "version": base.version, "encoding": layout.encoding, "newline": layout.newline,
                "n_lines": layout.n_lines, "ends_line": layout.ends_line,
            }  # fmt: skip
            yield Rows("energyplan_file", pd.DataFrame([facts]), base.path)
        by_path: dict[Path, list[Entry]] = defaultdict(list)
        for entry in entries:
            if entry.path is not None:
                by_path[entry.path].append(entry)
        for path, said in by_path.items():
            columns = {
                "key": [e.key for e in said], "occurrence": [e.occurrence for e in said], "value": [e.value for e in said],
                ROW: [e.row + 1 for e in said],
            }  # fmt: skip
            partial = base is None
            if not partial:
                columns |= {"ordinal": [e.ordinal for e in said], "label": [e.label for e in said]}
            yield Rows("energyplan_key", pd.DataFrame(columns, dtype=object), path, partial=partial, keeps=partial)

    # --- cells --------------------------------------------------------------------------------------------------------
    def cells(self, base: InputFile | None, meaning: Meaning) -> Iterator[Item]:
        """Yield the rows that follow from the keys: all of a whole file, else only cells that are other ones now."""
        yield from (p for p in meaning.findings if base is not None or p.severity == "error")
        source = base.path if base is not None else self.first_path
        if base is not None:
            yield from _rows([c for c in meaning.rows.values() if not c.idle], source)
            return
        before = self.meaning(self.held, self.before)
        new = [c for k, c in meaning.rows.items() if not c.idle and (k not in before.rows or before.rows[k].idle)]
        yield from _rows(new, source, keeps=True)
        changed = []
        for key, now in meaning.rows.items():
            then = before.rows.get(key)
            if then is None or then.idle:
                continue
            cells = {c: v for c, v in now.cells.items() if c not in then.cells or then.cells[c] != v}
            if cells:
                changed.append(replace(now, cells=cells, units={c: u for c, u in now.units.items() if c in cells}))
        yield from _rows(changed, source, partial=True, keeps=True)

    def meaning(self, entries: Sequence[Entry], profiles: Profiles) -> Meaning:
        """Return what follows from keys; costs alone, without the units of a whole file, mean nothing."""
        whole = Keys(entries).entry("EnergyUnit") is not None
        return meaning_of(entries, self.request.site, profiles) if whole else Meaning()

    @property
    def first_path(self) -> Path:
        """File that a change comes from, where the key that it follows from is of another one."""
        return self.files[0].path if self.files else next(iter(self.distributions.values()))[0]

    # --- profiles -----------------------------------------------------------------------------------------------------
    def profiles(self, base: InputFile | None, meaning: Meaning, entries: Sequence[Entry]) -> Iterator[Item]:
        """Yield the distributions, and what is made of one by a factor and an addition."""
        import numpy as np  # heavy

        prices = {Profiles([name]).find(Keys(entries).text("Filnavn_prices")) for name in self.distributions}
        for name, (path, values) in self.distributions.items():
            kind = "price" if name in prices else "factor"
            yield _series(name, np.array(values), kind, path, f"EnergyPLAN distribution {path.name}")
            if len(values) == HOURS[1]:
                said = "the distribution has 8760 values; EnergyPLAN reads 8784, with a 29th of February."
                yield Problem(said, str(path), severity="warning", code="length")
        for name, made in meaning.made.items():
            given = self.distributions.get(made.distribution)
            path = given[0] if given else base.path if base is not None else self.first_path
            values = self.values(made.distribution)
            if values is not None:
                yield _series(name, made.of(values), made.kind, path, f"made of {made.distribution} as the keys say")

    # --- remarks ------------------------------------------------------------------------------------------------------
    def remarks(self, base: InputFile | None, meaning: Meaning, entries: Sequence[Entry]) -> Iterator[Item]:
        """Yield what a reader should know: distributions that are missing, keys without a cell, a year in the notes."""
        source = str(base.path if base is not None else self.first_path)
        for name, uses in meaning.wanted.items():
            said = f"the distribution '{name}' is not there: {', '.join(uses)} goes without."
            hint = "Import it with the input file, or later."
            yield Problem(said, source, value=name, hint=hint, severity="warning", code="distribution")
        if base is None:
            return
        kept = [e.key for e in kept_only(entries, meaning.used | {VERSION})] if base.kind == "input" else []
        if kept:
            more = f" and {len(kept) - _NAMED} more" if len(kept) > _NAMED else ""
            said = f"{len(kept)} keys with a value have no cell of their own and are kept in energyplan_key only: "
            said += f"{', '.join(kept[:_NAMED])}{more}."
            yield Problem(said, source, severity="info", code="kept-as-key")
        names = {e.key for e in entries}
        gone = sorted({e.key for e in self.held} - names)
        if gone:
            more = f" and {len(gone) - _NAMED} more" if len(gone) > _NAMED else ""
            said = f"the scenario held {len(gone)} keys that this file does not have: {', '.join(gone[:_NAMED])}{more}."
            hint = "They stay unless this file brought them; `dhsdb scenario remove` takes them out."
            yield Problem(said, source, hint=hint, severity="warning", code="other-keys")
        yield from self.noted_year(base, entries)

    def noted_year(self, base: InputFile, entries: Sequence[Entry]) -> Iterator[Item]:
        """Declare the year that the file's notes name, where the scenario has no model year and none was asked for."""
        import pandas as pd  # heavy

        entry = Keys(entries).entry("notes_model_yearText")
        year = number(entry.value) if entry else None
        known = self.request.held is not None and len(self.request.held.table("model_year"))
        if entry is None or year is None or self.request.year is not None or known or not 1990 <= year <= 2100:  # noqa: PLR2004
            return
        yield Rows("model_year", pd.DataFrame({"year": [int(year)], ROW: [entry.row + 1]}), base.path)
        said = f"the model year {year:.0f} is taken from the notes of the file."
        yield Problem(
            said,
            str(base.path),
            row=entry.row + 1,
            hint="--year says another.",
            severity="info",
            code="year-from-notes",
        )


def held_as_entries(rows: pd.DataFrame) -> Iterator[Entry]:
    """Yield rows of ``energyplan_key`` as the entries of a file, in their order."""
    import pandas as pd  # heavy

    ordered = rows.sort_values(["ordinal", "key", "occurrence"], na_position="last")
    for at, row in enumerate(ordered.to_dict("records"), 1):
        value, label, ordinal = (None if pd.isna(row[c]) else row[c] for c in ("value", "label", "ordinal"))
        place = at if ordinal is None else int(ordinal)
        yield Entry(str(row["key"]), int(row["occurrence"]), value or "", place, label)


def layout_of(row: Mapping[Any, Any]) -> Layout:
    """Return how a file is written from a row of ``energyplan_file``."""
    return Layout(str(row["encoding"]), str(row["newline"]), int(row["n_lines"]), bool(row["ends_line"]))


def _series(name: str, values: Any, kind: str, path: Path, text: str) -> Series:
    calendar = "noleap" if len(values) == HOURS[1] else "standard"
    return Series(name, values, kind, path, "money/MWh" if kind == "price" else "", calendar=calendar, text=text)


def _rows(cells: Iterable[Cells], source: Path, *, partial: bool = False, keeps: bool = False) -> Iterator[Rows]:
    """Yield rows by table, file, units and columns."""
    import pandas as pd  # heavy

    groups: dict[tuple[Any, ...], list[dict[str, object]]] = defaultdict(list)
    for one in cells:
        path = one.origin.path if one.origin and one.origin.path else source
        columns = tuple(sorted(one.cells)) if partial else ()
        row = {**dict(one.key), **one.cells, ROW: one.origin.row + 1 if one.origin and one.origin.path else 1}
        groups[one.table, path, tuple(sorted(one.units.items())), columns].append(row)
    for (table, path, units, _), rows in groups.items():
        frame = pd.DataFrame(rows).astype({ROW: "int64"})
        objects = frame.drop(columns=ROW).astype(object)
        frame = objects.where(objects.notna(), None).assign(**{ROW: frame[ROW]})
        yield Rows(table, frame, path, units=dict(units), partial=partial, keeps=keeps)

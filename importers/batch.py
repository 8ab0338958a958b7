"""What an importer yields, read to its end: checked tables, profiles, results, the files, and all that is wrong."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dhsdb.errors import MoreProblems, Problem, ProblemsError, did_you_mean
from dhsdb.importers.checks import Checked, Notes, check_rows
from dhsdb.importers.results import result_problems
from dhsdb.importers.rows import Results, Series
from dhsdb.importers.systems import is_known
from dhsdb.importers.units import KIND_UNITS, Conversion, UnitError, conversion

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator
    from pathlib import Path

    from dhsdb import series
    from dhsdb.importers.rows import Item, Rows

_MOST_TWINS = 1000


@dataclass(frozen=True, slots=True)
class File:
    """A file that rows came from."""

    name: str
    sha256: str
    size: int
    attribution: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    """A profile in the units of the store, and where it came from."""

    name: str
    values: series.Values
    text: str
    file: str
    sheet: str


@dataclass(slots=True)
class Batch:
    """One import before it meets the store."""

    notes: Notes = field(default_factory=Notes)
    tables: dict[str, list[Checked]] = field(default_factory=dict)
    profiles: list[Named] = field(default_factory=list)
    results: list[Results] = field(default_factory=list)
    files: dict[str, File] = field(default_factory=dict)
    currencies: set[str] = field(default_factory=set)

    @property
    def checked(self) -> Iterator[Checked]:
        """All rows, table by table."""
        return (part for parts in self.tables.values() for part in parts)

    @property
    def attributions(self) -> list[str]:
        """What files ask to be shown with their data, each once."""
        return list(dict.fromkeys(file.attribution for file in self.files.values() if file.attribution))

    @property
    def n_rows(self) -> int:
        """Number of rows and profiles."""
        return len(self.profiles) + sum(int(part.rows.num_rows) for part in self.checked)

    def years(self, *, of_model: bool) -> set[int]:
        """Return the years that rows of ``model_year`` name, or those of all other tables."""
        parts = (part for part in self.checked if (part.table.__table__.name == "model_year") == of_model)
        return {int(y) for part in parts for y in part.rows["year"].unique().to_pylist() if y is not None}


def read(items: Iterable[Item], year: int | None, what: str) -> Batch:
    """Read all that an importer yields, and check it.

    Parameters
    ----------
    year
        Year of rows that name none.
    what
        The input in words, for the report.

    Raises
    ------
    ProblemsError
        With everything that is wrong.
    """
    batch = Batch()
    for item in items:
        if isinstance(item, Problem):
            batch.notes.add(item)
        elif isinstance(item, Series):
            _add_series(batch, item)
        elif isinstance(item, Results):
            _add_results(batch, item)
        else:
            _add_rows(batch, item, year)
            free_unused()
    for name, parts in batch.tables.items():
        _refuse_twins(batch.notes, name, parts)
    free_unused()
    _refuse_mixed_money(batch)
    batch.notes.problems, batch.notes.findings = _once(batch.notes.problems), _once(batch.notes.findings)
    if batch.notes.problems:
        warnings = [finding for finding in batch.notes.findings if finding.severity == "warning"]
        raise ProblemsError(batch.notes.problems, what, warnings)
    return batch


def _once(found: Iterable[Problem]) -> list[Problem]:
    """Return what was found, each once: what holds for a file is found again with each of its years."""
    return list({(p.location, p.message, p.severity): p for p in found}.values())


def free_unused() -> None:
    """Give memory back that Arrow keeps for what may come: a large import needs it elsewhere."""
    import pyarrow as pa  # heavy

    pa.default_memory_pool().release_unused()


def _add_rows(batch: Batch, rows: Rows, year: int | None) -> None:
    _add_file(batch, rows.file)
    if rows.attribution:
        batch.files[str(rows.file)] = replace(batch.files[str(rows.file)], attribution=rows.attribution)
    checked = check_rows(rows, year, batch.notes)
    if checked.epsg is not None and not is_known(checked.epsg):
        text = f"EPSG:{checked.epsg} is not a known coordinate system."
        batch.notes.add(Problem(text, str(rows.file), rows.sheet, column="geometry", value=checked.epsg, code="crs"))
        return
    batch.tables.setdefault(rows.table, []).append(checked)
    batch.currencies |= checked.currencies


def _add_results(batch: Batch, item: Results) -> None:
    for path in item.files:
        _add_file(batch, path)
    problems = list(result_problems(item))
    batch.notes.problems += problems
    if not problems:
        batch.results.append(item)
    batch.currencies |= {item.currency} - {""}


def _add_file(batch: Batch, path: Path) -> None:
    """Note a file and its hash; what is no file of its own (a part of an archive) has none."""
    if str(path) in batch.files:
        return
    if not path.is_file():
        batch.files[str(path)] = File(str(path), "", 0)
        return
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    batch.files[str(path)] = File(str(path), digest, path.stat().st_size)


# --- profiles --------------------------------------------------------------------------------------------------------
def _add_series(batch: Batch, item: Series) -> None:
    import numpy as np  # heavy

    from dhsdb.series import Values

    _add_file(batch, item.file)
    problems = list(_series_problems(item))
    if any(p.name == item.name for p in batch.profiles):
        problems.append(_of(item, f"the profile '{item.name}' is there twice.", hint="Give each a name of its own."))
    how = Conversion()
    if item.kind in KIND_UNITS:
        try:
            how = conversion(item.unit, KIND_UNITS[item.kind]) if item.unit else how
        except UnitError as error:
            problems.append(_of(item, error.message, item.unit, error.hint, code="unit"))
    if problems:
        batch.notes.problems += problems
        return
    if not how.is_identity:
        text = f"converted from {item.unit} to {KIND_UNITS[item.kind] or 'a plain number'} ({how})."
        batch.notes.add(_of(item, text, item.unit, severity="info", code="unit-converted"))
    converted = how.apply(item.values)
    if not np.isfinite(converted).all():
        text = f"the profile '{item.name}' has values that are too large to be converted."
        batch.notes.add(_of(item, text, item.unit, code="unit"))
        return
    values = Values(converted, item.kind, KIND_UNITS[item.kind], item.step_h, item.start, item.calendar)
    batch.currencies |= how.currencies
    batch.profiles.append(Named(item.name.strip(), values, item.text, str(item.file), item.sheet))


def _series_problems(item: Series) -> Iterator[Problem]:
    import numpy as np  # heavy

    if not item.name.strip() or item.name.strip().startswith(("_", "#")):
        hint = "Give each a name, by which rows refer to it; not one that starts with _ or #, as notes and examples do."
        yield _of(item, f"'{item.name}' can't name a profile.", hint=hint)
    if item.kind not in KIND_UNITS:
        hint = did_you_mean(item.kind, KIND_UNITS) or f"Kinds: {', '.join(KIND_UNITS)}."
        yield _of(item, f"a profile can't be of kind '{item.kind}'.", item.kind, hint)
    if item.calendar not in ("noleap", "standard"):
        yield _of(item, f"'{item.calendar}' is not a calendar.", item.calendar, "Calendars: noleap, standard.")
    if not len(item.values):
        yield _of(item, f"the profile '{item.name}' has no values.")
    elif not np.isfinite(item.values).all():
        step = int(np.flatnonzero(~np.isfinite(item.values))[0]) + 1
        yield _of(item, f"the profile '{item.name}' has no finite number in step {step}.", float(item.values[step - 1]))


def _of(item: Series, message: str, value: object = None, hint: str = "", **kind: Any) -> Problem:
    return Problem(message, str(item.file), item.sheet, None, item.name, value, hint, **kind)


# --- what only shows over the whole ----------------------------------------------------------------------------------
def _refuse_twins(notes: Notes, table: str, parts: list[Checked]) -> None:
    """Report rows whose key and year are there twice in one import."""
    import pandas as pd  # heavy
    import pyarrow as pa

    keys = [*parts[0].table.keys(), "year"]
    if any(key not in part.rows.column_names for part in parts for key in keys):
        return
    all_keys = pa.concat_tables([part.rows.select(keys) for part in parts], promote_options="permissive")
    if all_keys.group_by(keys, use_threads=False).aggregate([]).num_rows == all_keys.num_rows:
        return
    frames = [part.rows.select([*keys, "source_row"]).to_pandas().assign(part=i) for i, part in enumerate(parts)]
    rows = pd.concat(frames, ignore_index=True).dropna(subset=keys[:-1] or keys)
    if not rows.duplicated(keys).any():
        return
    rows["first"] = rows.index
    rows["first"] = rows.groupby(keys, dropna=False)["first"].transform("min")
    twins = rows[rows["first"] != rows.index]
    for twin in twins.head(_MOST_TWINS).to_dict("records"):
        place, other = (_place(row, parts) for row in (twin, rows.loc[twin["first"]].to_dict()))
        named = ", ".join(f"{k} {twin[k]:g}" if k == "year" else f"{k} {twin[k]}" for k in keys if not pd.isna(twin[k]))
        text = f"{table} has the key ({named}) twice, first in {Problem('', *other).location}."
        notes.add(Problem(text, *place, hint="Leave one of the two.", code="duplicate"))
    if (rest := len(twins) - _MOST_TWINS) > 0:
        text = f"{rest} more keys of {table} are there twice."
        file, sheet, _ = _place(twins.iloc[-1].to_dict(), parts)
        notes.add(MoreProblems(text, file, sheet, code="duplicate", n=rest))


def _place(row: dict[Hashable, Any], parts: list[Checked]) -> tuple[str, str, int | None]:
    part = parts[int(row["part"])]
    return part.file, part.sheet, None if row["source_row"] != row["source_row"] else int(row["source_row"])


def _refuse_mixed_money(batch: Batch) -> None:
    if len(batch.currencies) > 1:
        text = f"amounts are in several currencies: {', '.join(sorted(batch.currencies))}."
        batch.notes.add(Problem(text, hint="Convert them to the scenario's currency first.", code="currency"))

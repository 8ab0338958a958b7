"""What happens to each scenario of a bundle: created, forwarded, unchanged, or brought beside the one that it diverged from.

A scenario is known by the change that created it, and compared by the names that its changes have in every store. Where two
stores hold a change of the same name, they hold the same state of the layer. Only plans are made here; nothing is written.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dhsdb.bundle_format import BundleError, file_of
from dhsdb.errors import UserError, did_you_mean
from dhsdb.names import check_name, scenario_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import duckdb

    from dhsdb.bundle_read import Bundle
    from dhsdb.database import Writer

CREATED, FORWARDED, UNCHANGED, DIVERGED = "created", "forwarded", "unchanged", "diverged"
_SUFFIX = "theirs"


@dataclass(frozen=True, slots=True)
class Line:
    """A scenario's history: the changes of its own, oldest first, as number, uid, and uid of what was merged."""

    scenario: int
    name: str
    created: int
    deleted: int | None
    changes: tuple[tuple[int, str, str | None], ...]

    @property
    def birth(self) -> str:
        """The uid of the change that created it, by which it is known."""
        return next((uid for number, uid, _ in self.changes if number == self.created), "")

    @property
    def numbers(self) -> dict[str, int]:
        """Number by uid."""
        return {uid: number for number, uid, _ in self.changes}

    @property
    def merged(self) -> set[str]:
        """The uids of what was merged into it."""
        return {merged for _, _, merged in self.changes if merged}

    def own(self, revision: int) -> int | None:
        """Return the newest change of the scenario's own at a revision of the store."""
        return max((number for number, _, _ in self.changes if number <= revision), default=None)


@dataclass(slots=True)
class Step:
    """What happens to a scenario of a bundle.

    Attributes
    ----------
    theirs, home
        Its history in the bundle, and that of the scenario of the store that it is joined to.
    known
        Number in ``home`` of the changes that it has, by number in the bundle.
    new
        Changes that are written, by number in the bundle.
    switch_after
        Change of ``home`` after which the bundle's changes replace those that a merge among them brought in.
    into
        Number of the scenario that is written to: home, or a new one.
    numbers
        Number in ``into`` of each change, by number in the bundle.
    """

    theirs: Line
    action: str
    home: Line | None = None
    known: dict[int, int] = field(default_factory=dict)
    new: tuple[int, ...] = ()
    switch_after: int | None = None
    name: str = ""
    into: int | None = None
    numbers: dict[int, int] = field(default_factory=dict)

    @property
    def is_fresh(self) -> bool:
        """Whether a scenario is made."""
        return self.action in (CREATED, DIVERGED)

    @property
    def since(self) -> int:
        """The first change that is written, by number in the bundle."""
        return min(self.new, default=0)

    def locate(self, revision: int) -> tuple[int, int] | None:
        """Return scenario and revision of the store whose state equals that of a revision in the bundle; None if there is none."""
        own = self.theirs.own(revision)
        if own is not None and self.home is not None and own in self.known:
            return self.home.scenario, self.known[own]
        if own is not None and self.into is not None and own in self.numbers:
            return self.into, self.numbers[own]
        return None


def plan(writer: Writer, bundle: Bundle, rename: Mapping[str, str]) -> dict[int, Step]:
    """Return what happens to each scenario of a bundle, by its number there; new scenarios and changes are numbered.

    Raises
    ------
    BundleError
        If the bundle contradicts itself.
    UserError
        If the name of a new scenario is taken, or a scenario to rename is not in the bundle.
    """
    theirs, ours = lines_of(bundle), _lines_here(writer.con)
    unknown = set(rename) - {line.name for line in theirs}
    if unknown:
        first = min(unknown)
        hint = did_you_mean(first, [x.name for x in theirs]) or f"It holds {', '.join(x.name for x in theirs)}."
        raise UserError(f"the bundle holds no scenario '{first}' to rename.", hint)
    steps = {step.theirs.scenario: step for step in _joined(theirs, ours)}
    _copy_where_lost(bundle, steps)
    _name(writer.con, steps.values(), rename)
    _number(writer, steps.values())
    return steps


# --- histories -------------------------------------------------------------------------------------------------------
def lines_of(bundle: Bundle) -> list[Line]:
    """Return the histories of a bundle's scenarios."""
    changes = defaultdict(list)
    for row in bundle.table("meta.revision").sort_by("revision").to_pylist():
        changes[row["scenario"]].append((row["revision"], row["uid"], row["merged"]))
    found = [
        Line(s["scenario"], s["name"], s["created"], s["deleted"], tuple(changes.pop(s["scenario"], ())))
        for s in bundle.table("meta.scenario").sort_by("scenario").to_pylist()
    ]
    numbers = [number for line in found for number, _, _ in line.changes]
    if changes or len({line.scenario for line in found}) < len(found) or len(set(numbers)) < len(numbers):
        raise BundleError(f"{file_of('meta.revision')} does not fit {file_of('meta.scenario')}.", "Ask for it again.")
    for line in found:
        if not line.birth or len(line.numbers) < len(line.changes) or None in line.numbers:
            raise BundleError(
                f"{file_of('meta.revision')}: the history of '{line.name}' is broken.", "Ask for it again."
            )
    return found


def _lines_here(con: duckdb.DuckDBPyConnection) -> list[Line]:
    rows = con.execute(
        "SELECT s.scenario, s.name, s.created, s.deleted, list((r.revision, r.uid, r.merged) ORDER BY r.revision)"
        " FROM meta.scenario AS s JOIN meta.revision AS r ON r.scenario = s.scenario GROUP BY ALL ORDER BY s.scenario"
    ).fetchall()
    return [
        Line(scenario, name, created, deleted, tuple(changes)) for scenario, name, created, deleted, changes in rows
    ]


# --- what meets what -------------------------------------------------------------------------------------------------
def _joined(theirs: Sequence[Line], ours: Sequence[Line]) -> list[Step]:
    """Join scenarios to those of the store, the best matches first; each scenario of the store is joined once."""
    matches = []
    for line in theirs:
        for home in ours:
            if home.birth == line.birth and (home.deleted is None or line.deleted is not None):
                step = _compare(line, home)
                same = home.name == line.name
                matches.append((_quality(step, same_name=same), not same, home.scenario, line.scenario, step))
    steps: dict[int, Step] = {}
    taken: set[int] = set()
    for *_, home_number, line_number, step in sorted(matches, key=lambda m: m[:4]):
        if line_number not in steps and home_number not in taken:
            steps[line_number] = step
            taken.add(home_number)
    return [steps.get(line.scenario) or _fresh(line, _namesake(line, ours)) for line in theirs]


def _namesake(line: Line, ours: Sequence[Line]) -> Line | None:
    """Return the scenario of the same name and origin, to which another of the bundle is joined already."""
    return next((x for x in ours if x.deleted is None and (x.name, x.birth) == (line.name, line.birth)), None)


def _quality(step: Step, *, same_name: bool) -> int:
    """Return how good a match is, 0 = best: what is known as a whole, then what is ahead, then what was merged."""
    if step.action == UNCHANGED:
        return 0 if len(step.known) == len(step.theirs.changes) else 4
    if step.action == FORWARDED:
        return 1 if same_name else 3 if step.switch_after else 2
    return 5


def _compare(theirs: Line, home: Line) -> Step:
    """Return what happens if a scenario is joined to one of the store."""
    here = home.numbers
    # A scenario that lives in this store is not deleted because somebody else deleted theirs.
    changes = [c for c in theirs.changes if home.deleted is not None or c[0] != theirs.deleted]
    known = {number: here[uid] for number, uid, _ in changes if uid in here}
    newest_theirs, newest_here = changes[-1][1], home.changes[-1][1]
    if newest_theirs in here or newest_theirs in home.merged:
        return Step(theirs, UNCHANGED, home, known)
    there = {uid: number for number, uid, _ in changes}
    switch: int | None = None
    if newest_here in there:
        after = there[newest_here]
    elif newest_here in theirs.merged and known:
        after = max(known)
        switch = known[after]
    else:
        return _fresh(theirs, home, known)
    return Step(theirs, FORWARDED, home, known, tuple(n for n, _, _ in changes if n > after), switch)


def _fresh(theirs: Line, home: Line | None, known: dict[int, int] | None = None) -> Step:
    """Return that a scenario is made with its full history, beside the one that it diverged from if there is one."""
    return Step(
        theirs, CREATED if home is None else DIVERGED, home, known or {}, tuple(n for n, _, _ in theirs.changes)
    )


def _copy_where_lost(bundle: Bundle, steps: dict[int, Step]) -> None:
    """Bring a scenario as a copy if others refer to changes of it that the scenario which it is joined to lacks."""
    pins = [
        (row["scenario"], row["layer"], row["pin"])
        for row in bundle.table("meta.stack").to_pylist()
        if row["pin"] is not None
    ]
    for scenario, layer, _ in pins:
        if scenario not in steps or layer not in steps:
            raise BundleError(f"{file_of('meta.stack')} names a scenario that the bundle lacks.", "Ask for it again.")
    origins = list(_origins(bundle, steps))
    again = True
    while again:
        again = False
        wanted = {(layer, pin) for scenario, layer, pin in pins if steps[scenario].action != UNCHANGED}
        wanted |= {
            (layer, origin) for layer, origin, until in origins if steps[layer].new and until >= steps[layer].since
        }
        for layer, revision in wanted:
            step = steps[layer]
            own = step.theirs.own(revision)
            if not step.is_fresh and own not in step.known and own not in step.new:
                steps[layer] = _fresh(step.theirs, step.home, step.known)
                again = True


def _origins(bundle: Bundle, steps: Mapping[int, Step]) -> set[tuple[int, int, int]]:
    """Return layer, origin, and the last revision at which something happens to rows of it."""
    import pyarrow.compute as pc

    from dhsdb.schema.catalog import INPUT

    found: set[tuple[int, int, int]] = set()
    for table in INPUT.values():
        rows = bundle.table(table.qualified()).select(["layer", "origin", "rev_from", "rev_to"])
        until = pc.fill_null(rows["rev_to"], rows["rev_from"])
        rows = rows.append_column("until", until).group_by(["layer", "origin"]).aggregate([("until", "max")])
        found |= set(zip(*(rows[n].to_pylist() for n in ("layer", "origin", "until_max")), strict=True))
        strange = {layer for layer, _, _ in found} - set(steps)
        if strange:
            raise BundleError(f"{file_of(table.qualified())} names a layer that the bundle lacks.", "Ask for it again.")
    return found


# --- names and numbers -----------------------------------------------------------------------------------------------
def _name(con: duckdb.DuckDBPyConnection, steps: Iterable[Step], rename: Mapping[str, str]) -> None:
    """Name what is made; a name that another scenario has is refused, unless it is that of a diverged one."""
    taken = set(scenario_names(con))
    for step in steps:
        wanted = rename.get(step.theirs.name, step.theirs.name)
        if not step.is_fresh:
            step.name = step.home.name if step.home else wanted
            continue
        if step.action == DIVERGED and wanted in taken and step.theirs.name not in rename:
            wanted = _beside(step.home.name if step.home else wanted, taken)
        step.name = check_name(wanted)
        if step.theirs.deleted is None:
            if wanted in taken:
                raise UserError(
                    f"scenario '{wanted}' exists already, and is another one than that of the bundle.",
                    f"Bring it under another name: --rename '{step.theirs.name}=NAME'.",
                )
            taken.add(wanted)


def _beside(name: str, taken: set[str]) -> str:
    """Return a name for the version of somebody else."""
    stem = f"{name[:90]}-{_SUFFIX}"
    numbered = (f"{stem}-{i}" for i in range(2, len(taken) + 3))
    return stem if stem not in taken else next(n for n in numbered if n not in taken)


def _number(writer: Writer, steps: Iterable[Step]) -> None:
    """Give numbers to new scenarios, and to new changes in the order of the bundle."""
    scenario, revision = writer.next_id("scenario", "scenario"), writer.next_id("revision", "revision")
    owner: dict[int, Step] = {}
    for step in steps:
        if step.is_fresh:
            step.into, scenario = scenario, scenario + 1
        elif step.new and step.home:
            step.into, step.numbers = step.home.scenario, dict(step.known)
        owner |= dict.fromkeys(step.new, step)
    for number, (theirs, step) in enumerate(sorted(owner.items(), key=lambda x: x[0]), revision):
        step.numbers[theirs] = number

# ruff: noqa: INP001  a script, no package
"""Write ``docs/checks.md`` from the rules themselves, which are the one place where codes and bounds stand.

Run it after a change of a rule: ``python docs/make_checks.py``. A test holds the file against the rules.
"""

from __future__ import annotations

from pathlib import Path

from dhsdb.check import meanings

FILE = Path(__file__).with_name("checks.md")

HEAD = """# Checks

Made from the rules by `python docs/make_checks.py`; do not edit. `dhsdb check --list` says the same.

`dhsdb check [NAME]` looks for what is wrong or implausible in a scenario (`NAME@REVISION`: as it was), or in all of them, and
ends with exit code 2 if there are errors. `--severity` shows one kind only. `Store.check` returns the same as values.

- An **error** stops a run, which lists them. A **warning** is likely a mistake, most often a wrong unit; it is kept with the run. A
  remark (**info**) is worth knowing.
- **An import** checks the state that it makes, in its own transaction and in a dry run too. What was not wrong before is shown and kept
  with the revision. Nothing of it stops an import, since what is missing may come with the next file; mistakes in the file itself do.
- **A run** checks its inputs before it starts, and its results when they are written: `dhsdb run show RUN` lists both.
- The view `findings` keeps all of this as it was found, with scenario, revision and run. `dhsdb check` looks anew, so what was mended
  since is not shown any more; of what imports and runs noted it adds only what no rule can find again.

Money is compared in EUR at the rates of `dhsdb money`, where the scenario names another currency by its ISO code.
"""

PARTS = (("inputs", "What is looked for in inputs"), ("results", "What is looked for in results"))


def text() -> str:
    """Return the page as Markdown."""
    lines = [HEAD]
    for subject, title in PARTS:
        lines += [f"## {title}\n", "| code | severity | found is |", "|---|---|---|"]
        lines += [f"| {m.code} | {m.severities} | {_cell(m.text)} |" for m in meanings() if m.subject == subject]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _cell(words: str) -> str:
    return words.replace("|", "\\|")


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8", newline="\n")

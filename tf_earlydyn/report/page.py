"""One self-contained page about one run or several: HTML that takes nothing from anywhere else."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tf_earlydyn.report.captions import CAPTIONS, HEADINGS
from tf_earlydyn.report.html import Markup, element, formula, image, joined
from tf_earlydyn.report.kinds import kind_of
from tf_earlydyn.report.notes import DASH
from tf_earlydyn.report.records import Record, as_input
from tf_earlydyn.report.rows import Row
from tf_earlydyn.report.tables import beside, scrolling, side_by_side
from tf_earlydyn.report.words import above_command, command, machine, short_names

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_SECTIONS = {
    "short": "In short",
    "run": "What was run",
    "figures": "Figures",
    "theory": "Theory and measurement",
    "machine": "Where it ran",
}


class Part(NamedTuple):
    """What the page says of one run."""

    name: str
    heading: str
    settings: list[tuple[str, str]]
    above_command: str
    command: str
    figures: dict[str, tuple[Path, str]]
    rows: list[Row]
    notes: tuple[str, ...]
    machine: list[tuple[str, str]]


def page(records: Sequence[Record]) -> str:
    """The page, with the figures that lie in the run directories.

    Raises:
        InputError: if a file that it is made from is missing or cannot be read.
    """
    parts = [_part(record, name) for record, name in zip(records, short_names(records), strict=True)]
    title = parts[0].heading if len(parts) == 1 else f"{len(parts)} runs side by side"
    sections = {
        "short": _short(parts),
        "run": _runs(parts),
        "figures": _figures(parts),
        "theory": _theory(parts),
        "machine": _machine(parts),
    }
    links = (element("li", element("a", _SECTIONS[name], href=f"#{name}")) for name in sections)
    top = element("header", element("h1", title), element("nav", element("ul", *links), aria_label="Sections"))
    body = element("body", top, "\n", element("main", joined(_section(*item) for item in sections.items())))
    return f'<!DOCTYPE html>\n<html lang="en">\n{_head(title)}\n{body}\n</html>\n'


def _part(record: Record, name: str) -> Part:
    kind = kind_of(record.directory)
    with as_input(record.directory):
        files = {figure: record.directory.figures / f"{figure}.png" for figure in HEADINGS}
        told = kind.findings(record)
        return Part(
            name=name,
            heading=kind.heading.format(kind.network(record.config)),
            settings=kind.settings(record),
            above_command=above_command(record.config),
            command=command(record, kind.script, kind.config_class),
            figures={
                figure: (file, told[figure]) for figure, file in files.items() if figure in told and file.is_file()
            },
            rows=kind.rows(record),
            notes=kind.notes(record.config),
            machine=machine(record),
        )


def _head(title: str) -> Markup:
    style = Markup(Path(__file__).with_name("page.css").read_text(encoding="utf-8"))
    tags = (
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
    )
    return element("head", joined((*map(Markup, tags), element("title", title), element("style", style))))


def _section(name: str, content: Markup) -> Markup:
    return element("section", element("h2", _SECTIONS[name]), "\n", content, id=name)


def _short(parts: Sequence[Part]) -> Markup:
    """What the first figure of each run shows."""
    found = []
    for part in parts:
        named = [element("strong", f"{part.name}: ")] if len(parts) > 1 else []
        found += [element("p", *named, finding) for _, finding in list(part.figures.values())[:1]]
    return joined(found)


def _runs(parts: Sequence[Part]) -> Markup:
    found = []
    for part in parts:
        if len(parts) > 1:
            found.append(element("h3", part.name))
        terms = (element("dt", term) + element("dd", text) for term, text in part.settings)
        found.append(element("dl", *map(Markup, terms)))
        found.append(element("p", part.above_command))
        label = "Command" if len(parts) == 1 else f"Command of {part.name}"
        found.append(scrolling(element("pre", element("code", part.command)), label))
    return joined(found)


def _figures(parts: Sequence[Part]) -> Markup:
    """Those of one run beside each other; of several, one kind of figure after the other."""
    names = [name for name in HEADINGS if any(name in part.figures for part in parts)]
    if len(parts) == 1:
        each = (
            element("div", element("h3", HEADINGS[name]), _figure(parts[0], name, formula(CAPTIONS[name])))
            for name in names
        )
        return element("div", *each, class_="figures")
    found = []
    for name in names:
        beside_each_other = [_figure(part, name, part.name) for part in parts if name in part.figures]
        found += [element("h3", HEADINGS[name]), element("p", formula(CAPTIONS[name]))]
        found.append(element("div", *beside_each_other, class_="figures"))
    return joined(found)


def _figure(part: Part, name: str, caption: str) -> Markup:
    file, finding = part.figures[name]
    return element("figure", image(file, finding), element("figcaption", caption))


def _theory(parts: Sequence[Part]) -> Markup:
    notes = dict.fromkeys(note for part in parts for note in part.notes)
    listed = element("ul", *(element("li", formula(note)) for note in (*notes, DASH)))
    return joined((beside([part.rows for part in parts], [part.name for part in parts]), listed))


def _machine(parts: Sequence[Part]) -> Markup:
    names = ["This run"] if len(parts) == 1 else [part.name for part in parts]
    return side_by_side([part.machine for part in parts], names, "Versions, hardware and time")

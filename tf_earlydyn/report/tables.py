"""Tables of a report, of which each lies in a container that scrolls where the page is narrow."""

from collections.abc import Sequence

from tf_earlydyn.report.groups import ORDER
from tf_earlydyn.report.html import Markup, element, formula, joined
from tf_earlydyn.report.numbers import NONE
from tf_earlydyn.report.rows import Row, together


def scrolling(content: Markup, label: str) -> Markup:
    """What may be wider than the page, in a container that the keyboard reaches."""
    return element("div", content, class_="scroll", tabindex=0, role="region", aria_label=label)


def beside(runs: Sequence[Sequence[Row]], names: Sequence[str]) -> Markup:
    """What theory foretells beside what was measured, two columns for each run."""
    kinds = [element("th", kind, scope="col") for _ in runs for kind in ("Theory", "Measured")]
    heads = [element("tr", element("th", "Quantity", scope="col"), *kinds)]
    if len(runs) > 1:
        above = [element("th", name, scope="colgroup", colspan=2) for name in names]
        heads.insert(0, element("tr", element("td"), *above))
    groups = [element("colgroup", span=1), *(element("colgroup", span=2) for _ in runs)]
    bodies = [_body(group, rows, 1 + 2 * len(runs)) for group, rows in together(runs, ORDER).items()]
    caption = element("caption", "What theory foretells beside what was measured")
    table = element("table", caption, *groups, element("thead", *heads), joined(bodies), class_="wide")
    return scrolling(table, "Table: what theory foretells beside what was measured")


def _body(group: str, rows: dict[str, list[Row | None]], columns: int) -> Markup:
    lines = [element("tr", element("th", element("span", formula(group)), scope="rowgroup", colspan=columns))]
    for quantity, found in rows.items():
        texts = (text for row in found for text in ((row.foretold, row.measured) if row else (NONE, NONE)))
        lines.append(
            element(
                "tr", element("th", formula(quantity), scope="row"), *(element("td", formula(text)) for text in texts)
            )
        )
    return element("tbody", joined(lines))


def side_by_side(runs: Sequence[Sequence[tuple[str, str]]], names: Sequence[str], title: str) -> Markup:
    """Terms and what each run says of them, a column for each run."""
    terms = dict.fromkeys(term for run in runs for term, _ in run)
    found = [dict(run) for run in runs]
    lines = [
        element("tr", element("th", term, scope="row"), *(element("td", texts.get(term, NONE)) for texts in found))
        for term in terms
    ]
    heads = element("tr", *(element("th", name, scope="col") for name in ("What", *names)))
    parts = (element("caption", title), element("thead", heads), element("tbody", joined(lines)))
    return scrolling(element("table", *parts), f"Table: {title}")

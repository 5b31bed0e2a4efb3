"""The figures of runs as they are drawn: axes have names, nothing lies on anything else, fonts are in the files."""

import itertools

import matplotlib.figure
import pytest

from tests import made_runs
from tf_earlydyn import report

MAKERS = {
    "training": made_runs.training,
    "seeds": made_runs.of_seeds,
    "prediction": made_runs.prediction,
    "scaling": made_runs.scaling,
}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """The files that are drawn, and each figure as it was when its PNG file was saved."""
    figures, save = {}, matplotlib.figure.Figure.savefig

    def keep(figure, file, *arguments, **options):
        save(figure, file, *arguments, **options)
        if file.suffix == ".png":
            figures[file] = figure

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matplotlib.figure.Figure, "savefig", keep)
        folder = tmp_path_factory.mktemp("runs")
        files = [file for name, make in MAKERS.items() for file in report.draw(make(folder / name))]
    return files, figures


def test_every_kind_of_run_has_its_figures(drawn):
    names = {(file.parents[1].name, file.name) for file in drawn[0]}
    of_training = {"losses", "gaps", "residual", "logits", "kernels"}
    stems = {
        "training": of_training,
        "seeds": of_training - {"logits"},
        "prediction": {"prediction"},
        "scaling": {"error"},
    }
    assert names == {(run, f"{stem}.{kind}") for run in stems for stem in stems[run] for kind in ("png", "pdf")}


def test_every_axis_has_a_name(drawn):
    for figure in drawn[1].values():
        (ax,) = figure.axes
        assert ax.get_xlabel() and ax.get_ylabel()


def seen_ticks(ax):
    """The numbers at its axes; matplotlib keeps some beyond their ends too."""
    for axis, limits in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
        for place, label in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=True):
            if limits[0] <= place <= limits[1] and label.get_text():
                yield label


def test_nothing_lies_on_anything_else_or_beyond_the_edge(drawn):
    """Title, legend, the field of the curves, and the names and numbers of its axes."""
    for file, figure in drawn[1].items():
        figure.draw_without_rendering()
        (ax,), (legend,) = figure.axes, figure.legends
        parts = [figure._suptitle, legend, ax.patch, ax.xaxis.label, ax.yaxis.label, *seen_ticks(ax)]
        boxes = [part.get_window_extent() for part in parts]
        for box in boxes:
            assert figure.bbox.padded(1).containsx(box.x0) and figure.bbox.padded(1).containsx(box.x1), file
            assert figure.bbox.padded(1).containsy(box.y0) and figure.bbox.padded(1).containsy(box.y1), file
        for one, other in itertools.combinations(boxes, 2):
            assert not one.padded(-0.5).overlaps(other.padded(-0.5)), file
        texts = [text.get_window_extent() for text in legend.get_texts()]
        assert not any(one.overlaps(other) for one, other in itertools.combinations(texts, 2)), file


def test_fonts_are_embedded_in_pdf_files(drawn):
    """As TrueType (42): each font has a file of its own, and none is drawn glyph by glyph (Type 3)."""
    for file in drawn[0]:
        if file.suffix == ".pdf":
            content = file.read_bytes()
            assert content.count(b"/Type /FontDescriptor") == content.count(b"/FontFile2") > 0, file
            assert b"/Subtype /Type3" not in content, file

"""Tables that can be read back."""

import csv
import io
import itertools
import json

import pytest

from cvxgeom.evaluate import Row, Speed, differences, summarize
from cvxgeom.evaluate.tables import csv_text, json_text, latex, markdown


def rows() -> list[Row]:
    found = []
    for predictor, shift in (("ours & co_1", 0.0), ("box | carving", 0.125)):
        for n_views in (1, 4):
            for noise in (0.0, 0.01):
                for i, label in enumerate(("chair", "chair", "lamp")):
                    iou = 0.5 + 0.0625 * i - shift
                    where = {"n_views": n_views, "noise": noise, "thin": i == 2, "furniture": True}
                    extra = {"chamfer_l2sq_sum_x100": 0.25, "f_score": 0.5, "n_parts": 3, "n_numbers": 72}
                    found.append(Row(predictor, shape=f"{label} {i}", label=label, iou=iou, **where, **extra))
    found.append(
        Row("ours & co_1", n_views=1, noise=0.0, shape="x", label="lamp", thin=True, furniture=True, status="failed",
            message="ValueError: broken")
    )  # fmt: skip
    return found


def cells(line: str) -> list[str]:
    return [cell.strip().replace(r"\|", "|") for cell in line.replace(r"\|", "\0").strip("|").split("|")]


def test_markdown_has_every_mean_and_failure() -> None:
    made = rows()
    speeds = [Speed("ours & co_1", 3, 10.0, 20.0, 30.0, 2)]
    text = markdown(
        "Title", made, summarize(made), differences(made), speeds=speeds, ceiling={"f_score": 0.875}, notes=["A note."]
    )
    lines = text.splitlines()
    table = next(i for i, line in enumerate(lines) if line.startswith("|  | IoU ↑"))
    head, ours, other = (cells(lines[table + k]) for k in (0, 2, 3))
    assert len(head) == len(ours) == len(other)
    assert (ours[0], float(ours[1]), ours[-1]) == ("ours & co_1", round((0.5 + 0.5625 + 0.625 + 0) / 4, 3), "1")
    assert other[0] == "box \0 carving"
    assert other[head.index("parts")] == "3.0" and other[head.index("numbers")] == "72"
    assert "- ours & co_1, 1 view, noise 0: x: ValueError: broken" in lines
    assert "| ours & co_1 | 10 | 20 | 30 | 3 | 2 |" in lines
    assert "0.875" in text and "A note." in text and "## IoU against noise, 4 views" in text
    # All rows of a table are as wide as its head.
    for above, line in itertools.pairwise(lines):
        if above.startswith("|") and line.startswith("|"):
            assert len(cells(above)) == len(cells(line))


def test_csv_reads_back() -> None:
    summaries = summarize(rows())
    read = list(csv.DictReader(io.StringIO(csv_text(summaries))))
    assert len(read) == sum(len(m) for s in summaries for m in (s.means, s.class_means, *s.per_class.values()))
    s = summaries[0]
    found = [
        line
        for line in read
        if (line["predictor"], line["views"], line["noise"], line["group"]) == (s.predictor, "1", "0.0", s.group)
    ]
    means = {line["class"]: float(line["mean"]) for line in found if line["metric"] == "iou"}
    assert means == {
        "": s.means["iou"].value,
        "mean": s.class_means["iou"].value,
        "chair": s.per_class["chair"]["iou"].value,
        "lamp": s.per_class["lamp"]["iou"].value,
    }


def test_json_reads_back() -> None:
    made = rows()
    read = json.loads(json_text({"seed": 0}, summarize(made), differences(made), speeds=[]))
    assert read["settings"] == {"seed": 0}
    first = read["summaries"][0]
    assert first["means"]["iou"]["value"] == summarize(made)[0].means["iou"].value
    assert {gap["other"] for gap in read["differences"]} == {"box | carving"}


def test_latex_is_escaped_and_regular() -> None:
    text = latex(summarize(rows()))
    assert r"ours \& co\_1" in text
    body = [line for line in text.splitlines() if "&" in line.replace(r"\&", "")]
    assert len({line.replace(r"\&", "").count("&") for line in body}) == 1
    assert text.count(r"\midrule") == 2 and text.startswith(r"\begin{tabular}")


def test_no_rows_give_a_title() -> None:
    assert markdown("Nothing", [], [], []).startswith("# Nothing")


@pytest.mark.parametrize("name", ["views", "noise", "size"])
def test_curves_are_drawn(name: str, tmp_path) -> None:
    pytest.importorskip("matplotlib")
    from cvxgeom.evaluate import plots

    path = tmp_path / f"{name}.png"
    getattr(plots, f"plot_{name}")(path, summarize(rows()))
    assert path.stat().st_size > 5000 and len(list(tmp_path.iterdir())) == 1


def test_no_noise_no_curve(tmp_path) -> None:
    pytest.importorskip("matplotlib")
    from cvxgeom.evaluate.plots import plot_noise

    with pytest.raises(ValueError, match="noise"):
        plot_noise(tmp_path / "noise.png", summarize([row for row in rows() if not row.noise]))

"""A report is one page that needs nothing else, for every kind of network, and its equations come out."""

import json
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest
from helpers.commands import process_without, sentence, trained
from helpers.mathml_reader import exactly, formulas, sides, tables

import xpnet
from xpnet import train
from xpnet.data import Data, load
from xpnet.equations.activations import ACTIVATIONS
from xpnet.equations.losses import LOSSES
from xpnet.errors import InputError, MissingExtraError

report = pytest.importorskip("xpnet.plots.report", reason="needs matplotlib", exc_type=MissingExtraError)
image = pytest.importorskip("PIL.Image", reason="needs Pillow")
backward, costs, forward = (
    pytest.importorskip(f"xpnet.plots.report.{name}", exc_type=MissingExtraError)
    for name in ("backward", "costs", "forward")
)

EMPTY = {"br", "hr", "img", "link", "meta"}


class Reader(HTMLParser):
    """Reader of the elements of a page, which must close what it opens."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.elements = [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        """Note an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """Note an element that closes itself, as SVG's do."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        """It is the last one that was opened."""
        assert self.open.pop() == tag


def run(network, x, y, *, epochs=2, test=True, **options):
    """Train a network, and keep what a report needs."""
    data = Data(x, y, x if test else None, y if test else None, name="rows")
    records = xpnet.epochs(network, data, xpnet.adam(0.01), batch_size=16, epochs=epochs, **options)
    numbers = []
    for epoch in records:
        numbers.append(epoch.numbers())
    settings = {"hidden": (8,), "note": "<b>&"}
    return report.Run(network, epoch.params, data, numbers, settings, str(records.training.backend), "python -m xpnet")


def runs():
    """One of each loss and activation, of images and of none, deep and without a hidden layer, of many classes."""
    rng = np.random.default_rng(3)
    x, bytes_ = rng.normal(size=(60, 7)), rng.integers(256, size=(60, 49)).astype(np.uint8)
    labels, several = rng.integers(3, size=60), rng.integers(2, size=(60, 3))
    yield "images", run(xpnet.Network([49, 20, 3], "sigmoid", input_scale=255.0), bytes_, labels)
    yield "deep", run(xpnet.Network([7, 12, 30, 11, 5, 3], ["relu", "tanh", "identity", "sigmoid"]), x, labels)
    yield "none hidden", run(xpnet.Network([7, 3], classes=["fish & chips", "<i>", "x"]), x, labels)
    yield "many classes", run(xpnet.Network([7, 9, 60], "tanh"), x, rng.permutation(60), epochs=45)
    yield "several labels", run(xpnet.Network([7, 9, 3], "relu", "binary_cross_entropy"), x, several)
    yield (
        "one label",
        run(xpnet.Network([7, 9, 1], "tanh", "binary_cross_entropy", classes=["no", "yes"]), x, several[:, :1]),
    )
    yield "a number", run(xpnet.Network([7, 9, 1], "tanh", "squared_error"), x, x[:, 0] ** 2)
    yield "counts", run(xpnet.Network([7, 9, 2], "relu", "poisson"), x, rng.poisson(2.0, (60, 2)).astype(float))
    hidden = ["leaky_relu:0.2", "elu:0.5", "softplus", "hard_sigmoid"]
    yield "distances", run(xpnet.Network([7, 6, 5, 4, 9, 1], hidden, "absolute_error"), x, x[:, 0] ** 2)
    yield "outliers", run(xpnet.Network([7, 9, 1], "elu", "huber:0.3"), x, x[:, 0] ** 3)
    yield "a quantile", run(xpnet.Network([7, 9, 2], "leaky_relu", "pinball:0.9"), x, x[:, :2] ** 2)
    yield "no test rows", run(xpnet.Network([7, 9, 3]), x, labels, test=False, validation_fraction=0.2)


RUNS = dict(runs())
ALL = pytest.mark.parametrize("finished", RUNS.values(), ids=list(RUNS))


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The page of each run, written once."""
    written = {}

    def page(finished):
        if id(finished) not in written:
            folder = tmp_path_factory.mktemp("report")
            written[id(finished)] = report.write_report(folder, finished)
        return written[id(finished)]

    return page


@ALL
def test_the_folder_holds_pictures_and_a_page(finished, pages):
    """Every picture is whole, the page names each of them, and nothing else is left."""
    page = pages(finished)
    names = {file.name for file in page.parent.iterdir()}
    answers = {"cross_entropy": {"confusion-matrix.png", "worst-mistakes.png"}}
    answers["binary_cross_entropy"] = (
        {"label-cases.png"} if finished.network.sizes[-1] > 1 else answers["cross_entropy"]
    )
    assert names == {
        *("report.html", "network.png", "learning-curves.png", "weight-images.png", "weights.png"),
        *("activations.png", "gradient-norms.png", "telling-samples.png"),
        *answers.get(finished.network.loss, {"predictions.png"}),
    }
    for name in names - {"report.html"}:
        with image.open(page.parent / name) as picture:
            picture.load()
    text = page.read_text(encoding="utf-8")
    assert text.count("<svg ") == len(names) - 1


@ALL
def test_the_page_needs_nothing_else(finished, pages):
    """It closes what it opens, no two parts share a name, and nothing in it is fetched from elsewhere."""
    text = pages(finished).read_text(encoding="utf-8")
    elements = Reader(text).elements
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in elements:
        assert tag not in ("script", "iframe", "object", "base")
        for name, value in attributes.items():
            if name in ("src", "href", "xlink:href", "srcset", "data"):
                assert value.startswith(("data:", "#")), value
            if name.endswith("href") and value.startswith("#"):
                assert value[1:] in ids
            if name == "src":
                assert attributes["alt"]
    assert not re.search(r"url\((?!#)|@import", text)


@ALL
def test_every_equation_comes_out(finished, pages):
    """Worked out from the digits that are shown, all sides of an equation can be the same number."""
    checked = 0
    for formula in formulas(pages(finished).read_text(encoding="utf-8")):
        values = sides(formula)
        assert max((value.low for value in values), default=0) <= min((value.high for value in values), default=0)
        checked += len(values) > 1
    assert checked >= 3 * len(finished.params)


@ALL
def test_every_line_comes_out_on_a_pocket_calculator(finished, pages):
    """The digits that are printed, typed in, give the result that is printed, of numbers, vectors and matrices."""
    scalars = vectors = 0
    for formula in formulas(pages(finished).read_text(encoding="utf-8")):
        typed, written = sides(formula, exactly), sides(formula)
        for value in typed[:-1]:
            assert written[-1].low <= value.low <= written[-1].high
        for values, low, high in tables(formula):
            assert np.all((low <= values) & (values <= high))
            vectors += 1
        scalars += len(typed) > 1
    assert scalars >= 3 * len(finished.params)
    assert vectors or max(finished.network.sizes[1:]) > 10


@ALL
def test_the_page_ends_with_the_update(finished, pages):
    """The post's step 7, of one weight, after which the cost of the sample is lower, and of all, lower still."""
    text = unescape(pages(finished).read_text(encoding="utf-8"))
    assert text.index("A check") < text.index("The update")
    costs = re.search(r"goes from (\S+) to (\S+); with all weights and biases updated, to (-?\d+\.\d+)", text)
    before, one, of_all = map(float, costs.groups())
    assert of_all <= one < before
    (rate,) = re.findall(r"With η = (\S+), for the weight", text)
    assert 0 < float(rate) <= finished.learning_rate


@ALL
def test_the_equations_have_the_posts_numbers(finished, pages):
    """The last layer has (7) of a matched pair, (8), (9), the one before (13), (10), (11), others (12), (10), (11)."""
    text = pages(finished).read_text(encoding="utf-8")
    numbers = re.findall(r'<span class="number">\((\d+)\)</span>', text)
    layers = len(finished.params)
    before = ["13", "10", "11"] if layers > 1 else []
    matched = ["7"] if finished.network.model.loss.dC_dz is None else []
    assert numbers == [*matched, "8", "9", *before, *["12", "10", "11"] * (layers - 2)]
    assert text.count(", forward <small>") == text.count(", back <small>") == layers


@ALL
def test_derivatives_are_checked_on_the_page(finished, pages):
    """A weight of each layer has its derivative beside the central difference, which agree to seven digits."""
    text = pages(finished).read_text(encoding="utf-8").replace("−", "-")
    rows = re.findall(r"<td>layer \d+, row \d+, column \d+</td><td>(\S+)</td><td>(\S+)</td>", text)
    assert len(rows) == len(finished.params)
    for by_equations, by_differences in rows:
        assert float(by_equations) == pytest.approx(float(by_differences), abs=1e-7)


def test_classes_have_their_names(pages):
    """Outputs of the worked sample and pictures are named, letters of HTML are shown as they are; else numbered."""
    text = pages(RUNS["none hidden"]).read_text(encoding="utf-8")
    assert all(f"<td>{name}</td><td><div" in text for name in ("fish &amp; chips", "&lt;i&gt;", "x"))
    assert "<i>" not in text
    assert "<td>yes</td><td><div" in pages(RUNS["one label"]).read_text(encoding="utf-8")
    assert "<td>0</td><td><div" in pages(RUNS["several labels"]).read_text(encoding="utf-8")


def test_the_page_tells_what_was_done(pages):
    """Score, parameters, settings, command, and the epochs with their time, many of them thinned."""
    finished = RUNS["many classes"]
    text = pages(finished).read_text(encoding="utf-8")
    assert f"<dd>{finished.score:.2%}</dd>" in text
    assert f"<dd>{finished.network.parameter_count:,}</dd>" in text
    assert "<td>note</td><td>&lt;b&gt;&amp;</td>" in text
    assert "<td>hidden</td><td>8</td>" in text
    assert f"Trained with {finished.where}; the seconds are those of training alone." in text
    epochs = [int(number) for number in re.findall(r"<tr><td>(\d+)</td><td>[\d.e-]+</td>", text)]
    assert epochs == [1, *range(3, 46, 3)]
    assert f"<td>{finished.records[-1]['seconds']:.4g}</td>" in text


def test_the_command_draws_what_it_trained(tmp_path, capsys):
    """It says where the pictures are; the page has the command, and tells of the best epoch's parameters."""
    folder = tmp_path / "pictures"
    train.main(["--epochs", "3", "--preset", "post", "--plot", str(folder)])
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"pictures in {folder}, all of them with the equations in {folder / 'report.html'}"
    )
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert f"python -m xpnet.train --epochs 3 --preset post --plot {folder}" in text
    assert "<td>optimizer</td><td>sgd</td>" in text
    assert "<td>momentum</td>" not in text
    assert "64-32-32-10 (sigmoid, softmax) on digits" in text


def test_norms_of_all_epochs_are_drawn(tmp_path):
    """Each epoch's are in the log, from which those before a resume are drawn too, with the line of the clipping."""
    log, folder, model = tmp_path / "log", tmp_path / "pictures", str(tmp_path / "m")
    given = ["--plot", str(folder), "--log", str(log), "--save", model, "--quiet"]
    train.main(["--epochs", "2", "--clip-norm", "0.5", *given])
    train.main(["--epochs", "3", "--resume", model, *given])
    norms = [json.loads(text)["gradient_norms"] for text in log.read_text().splitlines()]
    assert len(norms) == 3
    assert all(np.all(np.diff(quantiles) > 0) for quantiles in norms)
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "what is above the dashed line is shortened to it" in text
    assert (folder / "telling-samples.png").is_file()


@pytest.mark.parametrize("stored", ["npz", "npy"])
def test_pictures_in_colour_are_shown_in_colour(tmp_path, stored):
    """Rows that were stored as pictures in colour are images in the report: the input, the weights, the mistakes."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (40, 8, 6, 3), np.uint8), np.arange(40) % 2
    if stored == "npz":
        np.savez(tmp_path / "colours.npz", x_train=x, y_train=y)
    else:
        (tmp_path / "colours").mkdir()
        np.save(tmp_path / "colours" / "x_train.npy", x)
        np.save(tmp_path / "colours" / "y_train.npy", y)
    data = str(tmp_path / ("colours.npz" if stored == "npz" else "colours"))
    train.main(["--data", data, "--epochs", "1", "--hidden", "4", "--quiet", "--plot", str(tmp_path / "plot")])
    page = (tmp_path / "plot" / "report.html").read_text(encoding="utf-8")
    assert 'alt="the input"' in page
    assert "of red, green and blue as a pixel's colour" in unescape(page)
    with image.open(tmp_path / "plot" / "weight-images.png") as drawn:
        colours = np.asarray(drawn.convert("RGB"), float)
    assert (np.ptp(colours, axis=2) > 30).mean() > 0.05


def test_a_training_that_goes_on_is_drawn(tmp_path):
    """The model file has the numbers of the epochs before, without a log too, and earlier files are replaced."""
    trained(tmp_path, "--epochs", 2, "--save", tmp_path / "m", "--plot", tmp_path)
    train.main(["--epochs", "4", "--resume", str(tmp_path / "m"), "--plot", str(tmp_path), "--quiet"])
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert re.findall(r"<tr><td>(\d+)</td><td>[\d.e-]+</td>", text) == ["1", "2", "3", "4"]


def test_folders_that_cannot_be_written_are_found_out_early(tmp_path, monkeypatch):
    """A file and a place in no folder are refused before the training; nothing is written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    for folder, message in (
        ("file", "cannot write pictures into file: it is a file; name a folder"),
        ("none/pictures", "cannot write none/pictures: there is no folder none"),
    ):
        with pytest.raises(InputError, match=message):
            train.main(["--plot", folder, "--save", "m"])
    with pytest.raises(InputError, match="cannot create the folder"):
        report.write_report(tmp_path / "none" / "pictures", RUNS["none hidden"])
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_every_activation_and_loss_has_its_formulas():
    """The report's tables hold both registries, and every output activation but softmax, which is written apart."""
    outputs = {loss.activation.__name__ for loss in LOSSES.values()}
    assert set(forward.FORMULAS) == {*ACTIVATIONS, *outputs} - {"softmax"}
    assert set(backward.DERIVATIVES) == set(ACTIVATIONS)
    assert set(costs.COSTS) == set(LOSSES)
    assert set(backward.UNMATCHED) == {name for name, loss in LOSSES.items() if loss.dC_dz is not None}


def test_a_network_without_formulas_is_refused_before_the_training(tmp_path, monkeypatch):
    """An activation or loss that a table of the report lacks is named in a sentence; nothing is trained or written."""
    monkeypatch.setitem(ACTIVATIONS, "softsign", ACTIVATIONS["relu"]._replace(name="softsign"))
    monkeypatch.setitem(LOSSES, "cauchy", LOSSES["squared_error"]._replace(name="cauchy"))
    arguments = ["--activation", "softsign", "--save", str(tmp_path / "m"), "--plot", str(tmp_path / "d")]
    with pytest.raises(InputError, match=r"^activation 'softsign' has no formula in the report; it can be sigmoid,"):
        train.main(arguments)
    monkeypatch.setitem(forward.FORMULAS, "softsign", forward.FORMULAS["relu"])
    with pytest.raises(InputError, match=r"^activation 'softsign' has no derivative in the report; it can be sigmoid"):
        train.main(arguments)
    with pytest.raises(InputError, match=r"^loss 'cauchy' has no formula in the report; it can be cross_entropy, "):
        report.check_report(tmp_path / "d", xpnet.Network([3, 1], loss="cauchy"))
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_it_says_what_to_install(tmp_path):
    """The sentence comes before the training, in one line, with the command."""
    answer = process_without("matplotlib", "xpnet.train", "--plot", tmp_path / "pictures")
    assert sentence(answer) == "xpnet.plots needs matplotlib, which is not installed; run pip install matplotlib."
    assert list(tmp_path.iterdir()) == []


def test_data_need_no_name(tmp_path):
    """Arrays of one's own are called data."""
    data = load("digits")._replace(name="")
    network = xpnet.Network([64, 10], input_scale=16.0)
    finished = report.Run(network, network.init(), data, RUNS["none hidden"].records, {}, "here", "it")
    assert "<title>64-10 (softmax) on data</title>" in report.write_report(tmp_path, finished).read_text(
        encoding="utf-8"
    )


def test_rows_on_disk_are_shown_as_those_in_memory_are(tmp_path, monkeypatch):
    """Where they are few enough to be read, else some of them."""
    rng = np.random.default_rng(0)
    finished = run(xpnet.Network([7, 5, 3]), rng.normal(size=(60, 7)), np.arange(60) % 3)
    for name, array in zip("xy", finished.data[:2], strict=True):
        np.save(tmp_path / f"{name}_train.npy", array)
    on_disk = replace(finished, data=load(tmp_path)._replace(name="rows"))
    in_memory = replace(finished, data=finished.data._replace(x_test=None, y_test=None))
    one, other = (
        report.write_report(tmp_path / name, of).read_text(encoding="utf-8")
        for name, of in (("memory", in_memory), ("disk", on_disk))
    )
    assert one == other
    monkeypatch.setattr("xpnet.plots.report.run.MOST_ROWS", 20)
    assert "of 20 training rows correct" in report.write_report(tmp_path / "few", replace(on_disk)).read_text(
        encoding="utf-8"
    )

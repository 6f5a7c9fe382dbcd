"""Pictures show what they say they show: their numbers are the network's, counted here in another way."""

import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

import xpnet
from xpnet._support.trees import arrays_in
from xpnet.data import load
from xpnet.errors import InputError, MissingExtraError

plots = pytest.importorskip("xpnet.plots", reason="needs matplotlib", exc_type=MissingExtraError)

RNG = np.random.default_rng(7)
NETWORK = xpnet.Network([64, 20, 10], "tanh", input_scale=16.0)


@pytest.fixture(scope="module")
def trained():
    """Epochs of a training on the digits."""
    options = dict(batch_size=32, epochs=4, validation_fraction=0.1)
    return list(xpnet.epochs(NETWORK, load("digits"), xpnet.adam(0.003), **options))


def counted(panel):
    """How much the bars of a histogram hold in all."""
    (bars,) = panel.patches
    return bars.get_data().values.sum()


def test_curves_hold_every_epoch(trained):
    """Each line is its column of the records, given as they are or as the lines of a log."""
    for records in (trained, [epoch.record() for epoch in trained]):
        cost, accuracy = plots.learning_curves(records).axes
        lines = {line.get_label(): line.get_ydata().tolist() for line in accuracy.lines}
        assert lines.pop("train, last rows")[0] == trained[0].running[0].accuracy
        assert lines == {
            rows: [getattr(epoch, f"{rows}_accuracy") for epoch in trained] for rows in ("train", "validation", "test")
        }
        assert [line.get_label() for line in cost.lines] == ["train", "validation", "test", "train, last rows"]
        assert cost.lines[2].get_ydata().tolist() == [epoch.test_cost for epoch in trained]
        assert cost.lines[0].get_xdata().tolist() == [1, 2, 3, 4]


def test_one_epoch_shows_a_curve(trained):
    """Its running numbers stand between 0 and 1; of later epochs only those that look back on enough rows."""
    for records, axis in (trained[:1], (0, 1.5)), (trained, (0, 4.5)):
        cost, accuracy = plots.learning_curves(records).axes
        for axes in (cost, accuracy):
            assert axes.get_xlim() == axis
            within = axes.lines[-1].get_xdata()
            assert np.all(np.diff(within) > 0)
            assert np.sum(within <= 1) == len(trained[0].running)
            assert within[-1] == len(records)
    full = [point.last >= 1000 for epoch in trained[1:] for point in epoch.running]
    assert len(within) == len(trained[0].running) + sum(full)


def test_curves_without_test_rows():
    """What no record has is not drawn, and a regression has R² where accuracy was."""
    records = [{"epoch": 1, "cost": 2.0, "train_accuracy": 0.5, "test_accuracy": None}]
    _, below = plots.learning_curves(records, regression=True).axes
    assert [line.get_label() for line in below.lines] == ["train"]
    assert below.get_ylabel() == "R²"


def test_a_confusion_matrix_counts_every_row(backend):
    """The number in each cell is how often that label was taken for that other, and empty cells have none."""
    y, guess = RNG.integers(4, size=(2, 200))
    figure = plots.confusion_matrix(backend.asarray(y), backend.asarray(guess), classes=["a", "b", "c", "d"])
    axes = figure.axes[0]
    cells = {tuple(int(side) for side in text.get_position()): text.get_text() for text in axes.texts}
    for (other, label), number in cells.items():
        assert number == str(np.sum((y == label) & (guess == other)) or "")
    assert len(cells) == 16
    assert axes.get_title(loc="left") == f"{np.sum(y == guess)} of 200 correct, {np.mean(y == guess):.2%}"
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["a", "b", "c", "d"]


def test_a_confusion_matrix_of_a_network_is_refused_with_the_call_that_draws_it():
    """Arguments after the pattern of `network.score` are answered by a sentence, and what it says works."""
    x, y, params = RNG.normal(size=(20, 64)), RNG.integers(10, size=20), NETWORK.init()
    for arguments in ((NETWORK, params, x, y), (NETWORK, params), (y, y, y)):
        with pytest.raises(InputError, match=r"give confusion_matrix\(y, network\.classify\(params, x\)\)"):
            plots.confusion_matrix(*arguments)
    assert "of 20 correct" in plots.confusion_matrix(y, NETWORK.classify(params, x)).axes[0].get_title(loc="left")


def test_the_worst_mistakes_are_the_most_confident():
    """They are in falling order of confidence, each with its label, its guess and its own pixels."""
    x, y = RNG.normal(size=(40, 64)), RNG.integers(3, size=40)
    a = RNG.dirichlet([1, 1, 1], size=40)
    figure = plots.worst_mistakes(x, y, a)
    wrong = [row for row in range(40) if a[row].argmax() != y[row]]
    worst = sorted(wrong, key=lambda row: -a[row].max())[:12]
    for tile, row in zip(figure.axes, worst, strict=True):
        assert tile.get_title() == f"label {y[row]}\nguess {a[row].argmax()}, {a[row].max():.1%}"
        np.testing.assert_array_equal(tile.images[0].get_array(), x[row].reshape(8, 8))
    assert figure.get_suptitle() == f"the 12 most confident of {len(wrong)} mistakes in 40 rows"


def test_rows_that_are_no_images_are_outlines():
    """Seven numbers are drawn from left to right; a shape that does not fit is refused."""
    x, y, a = np.arange(14.0).reshape(2, 7), np.array([0, 0]), np.array([[0.1, 0.9], [0.2, 0.8]])
    figure = plots.worst_mistakes(x, y, a, classes=["no", "yes"])
    assert figure.axes[1].patches[0].get_data().values.tolist() == x[1].tolist()
    assert figure.axes[1].get_title() == "label no\nguess yes, 80.0%"
    assert figure.get_suptitle() == "2 mistakes in 2 rows"
    assert plots.worst_mistakes(x[:, :6], y, a, shape=(2, 3)).axes[0].images
    with pytest.raises(InputError, match=r"shape is \(2, 4\), which is 8 pixels, but a row has 7"):
        plots.worst_mistakes(x, y, a, shape=(2, 4))


def test_no_mistake_is_said():
    """Where every row is right there is a sentence and no image."""
    (axes,) = plots.worst_mistakes(np.eye(3), np.arange(3), np.eye(3)).axes
    assert [text.get_text() for text in axes.texts] == ["No mistake in 3 rows."]


def test_labels_are_counted_case_by_case():
    """The bars of each label are its true positives, false negatives and false positives, and say so."""
    y, guess = RNG.integers(2, size=(2, 50, 3))
    figure = plots.label_cases(y, guess)
    for label in range(3):
        true, predicted = y[:, label] == 1, guess[:, label] == 1
        assert {bars.get_label(): bars[label].get_width() for bars in figure.axes[0].containers} == {
            "true positives": np.sum(true & predicted),
            "false negatives": np.sum(true & ~predicted),
            "false positives": np.sum(~true & predicted),
        }


def test_labels_have_their_names():
    """Beside the bars of each label stands its name, however many there are."""
    y, guess = RNG.integers(2, size=(2, 50, 20))
    (axes,) = plots.label_cases(y, guess, classes=[f"label {i}" for i in range(20)]).axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [f"label {i}" for i in range(20)]


def test_predictions_stand_against_the_truth():
    """Each point is a true and a predicted number of a row, for at most three outputs."""
    y, a = RNG.normal(size=(2, 30, 4))
    axes = plots.predictions(y, a).axes[0]
    points = [np.asarray(cloud.get_offsets()) for cloud in axes.collections]
    np.testing.assert_array_equal(np.stack(points, axis=1), np.stack([y, a], axis=2)[:, :3])
    assert axes.get_title(loc="left") == "3 of 4 outputs on 30 rows"
    assert plots.predictions(y[:, 0], a[:, :1]).axes[0].get_title(loc="left") == "30 rows"


def test_weights_are_images(trained):
    """Each tile shows the weights of a neuron of the first layer; inputs that are no images get one matrix."""
    params = trained[-1].params
    figure = plots.weight_images(params)
    for tile, row in zip(figure.axes, params[0].w, strict=False):
        np.testing.assert_array_equal(tile.images[0].get_array(), row.reshape(8, 8))
        limits = tile.images[0].get_clim()
        assert limits[0] == -limits[1]
    assert figure.get_suptitle() == "weights into all 20 neurons of the first layer"
    wide = xpnet.Network([64, 70, 2])
    assert plots.weight_images(wide.init()).get_suptitle().startswith("weights into the first 30 of 70")
    other = xpnet.Network([7, 3, 2]).init()
    np.testing.assert_array_equal(plots.weight_images(other).axes[0].images[0].get_array(), other[0].w)


def test_histograms_hold_every_number(trained):
    """The bars of each layer hold all its weights, all its activations and every sample's norm."""
    data, params = load("digits"), trained[-1].params
    assert [counted(panel) for panel in plots.weight_histograms(params).axes] == [20 * 64, 10 * 20]
    figure = plots.activation_histograms(NETWORK, params, data.x_test)
    assert [counted(panel) for panel in figure.axes] == [360 * 20, 360 * 10]
    figure = plots.gradient_norm_histograms(NETWORK, params, data.x_test, data.y_test)
    assert [counted(panel) for panel in figure.axes] == [360, 360]
    # A thousand rows at most are looked at.
    figure = plots.activation_histograms(NETWORK, params, data.x_train)
    assert counted(figure.axes[1]) == 1000 * 10


def test_norms_that_are_0_are_counted():
    """Samples without a gradient are no part of a logarithmic axis, and are counted in its title."""
    network = xpnet.Network([3, 2, 2], "relu")
    params = tuple(layer._replace(w=0 * layer.w) for layer in network.init())
    figure = plots.gradient_norm_histograms(network, params, RNG.normal(size=(9, 3)), np.ones(9, np.int64))
    assert figure.axes[0].get_title(loc="left").endswith("median 0, 9 are 0")


def test_the_network_is_drawn_with_its_shapes():
    """Every layer has its size and its activation, and between two layers stand the shapes of w and b."""
    network = xpnet.Network([784, 30, 4, 2], ["relu", "tanh"])
    figure = plots.network_diagram(network)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert [text for text in texts if text.isdigit()] == ["784", "30", "4", "2"]
    for text in ("input", "relu", "tanh", "softmax", "w¹  30 × 784\nb¹  30", "w²  4 × 30\nb²  4", "w³  2 × 4\nb³  2"):
        assert text in texts
    drawn = [len(cloud.get_offsets()) for cloud in figure.axes[0].collections if hasattr(cloud, "get_sizes")]
    assert drawn[:6] == [8, 3, 8, 3, 4, 2]
    assert figure.get_suptitle() == f"{network.parameter_count:,} parameters, cross entropy"


def test_arrays_of_any_library(backend, trained):
    """Parameters and rows are fetched from where they are."""
    data, params = load("digits"), trained[-1].params
    on_device = tuple(type(layer)(*map(backend.asarray, layer)) for layer in params)
    x, y = backend.asarray(data.x_test), backend.asarray(data.y_test.astype(np.int32))
    assert counted(plots.gradient_norm_histograms(NETWORK, on_device, x, y).axes[0]) == 360
    assert counted(plots.activation_histograms(NETWORK, on_device, x).axes[1]) == 3600
    (first, *_) = plots.weight_images(on_device).axes
    np.testing.assert_array_equal(first.images[0].get_array(), arrays_in(params)[0][0].reshape(8, 8))


def test_no_screen_and_no_state_is_touched():
    """Drawing imports no interface of Matplotlib's and leaves its settings as they were."""
    code = (
        "import sys, xpnet; from matplotlib import rcParams\n"
        "from xpnet import plots; from xpnet.plots.style import STYLE\n"
        "before = [rcParams[name] for name in STYLE]\n"
        "plots.png(plots.network_diagram(xpnet.Network([3, 2])))\n"
        "print('matplotlib.pyplot' in sys.modules, before == [rcParams[name] for name in STYLE])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False", "True"]


def test_a_notebook_shows_a_figure():
    """Each kind of figure renders itself as a PNG, at a size that fits a page of a notebook."""
    for figure in (plots.network_diagram(NETWORK), plots.weight_images(NETWORK.init())):
        png = figure._repr_png_()
        assert png.startswith(b"\x89PNG")
        assert int.from_bytes(png[16:20]) == round(figure.get_figwidth() * 120)


def test_an_svg_is_part_of_a_page():
    """It is well-formed, takes the page's colour, and shares no name with another picture on the page."""
    figure = plots.network_diagram(xpnet.Network([3, 2]))
    one, other = (ElementTree.fromstring(plots.svg(figure, name)) for name in ("one", "other"))
    names = [{element.get("id") for element in tree.iter()} - {None} for tree in (one, other)]
    assert all(name.startswith("one-") for name in names[0])
    assert not names[0] & names[1]
    used = {value for element in one.iter() for key, value in element.items() if key.endswith("href")}
    assert {name.removeprefix("#") for name in used if name.startswith("#")} <= names[0]
    assert "currentColor" in plots.svg(figure, "one")
    assert plots.svg(figure, "one") == plots.svg(figure, "one")


def test_the_telling_samples_are_those_with_the_extreme_gradients(trained):
    """Four with the largest norms and four with the smallest, counted from every sample's whole gradient."""
    data, params = load("digits"), trained[-1].params
    x, y = data.x_test, data.y_test
    arrays = arrays_in(NETWORK.per_sample_gradients(params, x, y))
    norms = np.sqrt(sum((array**2).sum(axis=tuple(range(1, array.ndim))) for array in arrays))
    np.testing.assert_allclose(plots.gradient_norms(NETWORK, params, x, y), norms, rtol=1e-5)
    tiles = plots.telling_samples(NETWORK, params, x, y).axes
    order = np.argsort(norms)
    for tile, row in zip(tiles, [*order[:-5:-1], *order[:4]], strict=True):
        assert tile.get_title() == f"label {y[row]}\nnorm {norms[row]:.2g}"
        np.testing.assert_array_equal(tile.images[0].get_array().ravel(), x[row])


def test_norms_are_drawn_over_the_epochs_with_the_clip_line():
    """The line is their median, the bands hold 50 and 90 %, and the dashed line is where they are clipped."""
    records = [{"epoch": i, "gradient_norms": [0.1 / i, 0.2 / i, 0.5, 1.0, 3.0 * i]} for i in (1, 2, 3)]
    (axes,) = plots.gradient_norm_curves([{"epoch": 0}, *records], clip_norm=0.7).axes
    median, clip = axes.lines
    assert median.get_xdata().tolist() == [1, 2, 3]
    assert median.get_ydata().tolist() == [0.5] * 3
    assert set(clip.get_ydata()) == {0.7}
    assert [band.get_datalim(axes.transData).y1 for band in axes.collections] == [9.0, 1.0]
    assert len(plots.gradient_norm_curves(records).axes[0].lines) == 1
    with pytest.raises(InputError, match="no record has gradient_norms"):
        plots.gradient_norm_curves([{"epoch": 0}])

"""`python -m xpnet.predict` scores labelled rows, and predicts others, one per line."""

import os

import numpy as np
import pytest
from helpers.commands import process, process_without, sentence

import xpnet
from xpnet import predict, serialization
from xpnet.data import load
from xpnet.errors import InputError


@pytest.fixture
def digits(tmp_path):
    """A model of the digits after three epochs."""
    data = load("digits")
    network = xpnet.Network([64, 16, 10], input_scale=16)
    *_, epoch = xpnet.epochs(network, data, xpnet.adam(0.01), batch_size=32, epochs=3)
    serialization.save(tmp_path / "m", network, epoch.params)
    return tmp_path / "m", network, epoch.params, data


def saved(path, sizes, **options):
    """An untrained model in a file, and its parameters."""
    network = xpnet.Network(sizes, **options)
    params = network.init(0)
    serialization.save(path, network, params)
    return network, params


def test_a_confusion_matrix_counts_every_row(digits, capsys):
    """Each label's row and guess's column hold as many digits as an independent count finds."""
    path, network, params, data = digits
    predict.main([str(path), "--data", "digits"])
    head, _, _, _, *rows = capsys.readouterr().out.splitlines()
    rows, classes = rows[:10], rows[13:]
    guess = np.argmax(network.predict(params, data.x_test), axis=1)
    assert head == f"accuracy {np.mean(guess == data.y_test):.2%} on 360 rows"
    counts = np.array([[int(n) for n in row.split("|")[1].split()] for row in rows])
    for label in range(10):
        for other in range(10):
            assert counts[label, other] == np.sum((data.y_test == label) & (guess == other))
        right = counts[label, label]
        fractions = f"{right / np.sum(guess == label):.1%} {right / np.sum(data.y_test == label):.1%}"
        assert classes[label].split("|")[1].split() == [*fractions.split(), str(np.sum(data.y_test == label))]


def test_unlabelled_rows_give_a_label_per_line(digits, tmp_path, capsys):
    """The labels are those with the largest output, in the order of the rows."""
    path, network, params, data = digits
    np.save(tmp_path / "x.npy", data.x_test[:7])
    predict.main([str(path), str(tmp_path / "x.npy")])
    expected = np.argmax(network.predict(params, data.x_test[:7]), axis=1)
    assert capsys.readouterr().out.split() == [str(label) for label in expected]


def test_several_labels_per_row(tmp_path, capsys):
    """With labels there are true and false positives and negatives of each, without there are zeros and ones."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(30, 4)), rng.integers(2, size=(30, 3))
    network, params = saved(tmp_path / "m", [4, 3], loss="binary_cross_entropy")
    guess = network.predict(params, x) > 0.5
    np.savez(tmp_path / "labelled.npz", x=x, y=y)
    predict.main([str(tmp_path / "m"), str(tmp_path / "labelled.npz")])
    head, _, columns, _, *rows = capsys.readouterr().out.splitlines()
    assert head == f"accuracy {np.mean(np.all(guess == y, axis=1)):.2%} on 30 rows"
    assert columns == "  label |  true positives  false negatives  false positives  true negatives"
    counts = [[int(n) for n in row.split("|")[1].split()] for row in rows]
    for label, (true_positives, false_negatives, false_positives, true_negatives) in enumerate(counts):
        actual, said = y[:, label] == 1, guess[:, label]
        assert (true_positives, false_negatives) == (np.sum(actual & said), np.sum(actual & ~said))
        assert (false_positives, true_negatives) == (np.sum(~actual & said), np.sum(~actual & ~said))

    np.save(tmp_path / "x.npy", x)
    predict.main([str(tmp_path / "m"), str(tmp_path / "x.npy")])
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == guess.astype(int).astype(str).tolist()


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy"])
def test_classes_have_their_names(tmp_path, capsys, loss):
    """A model's names of classes stand in its answers and tables, of one output too; a terminal's codes do not."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(30, 4)), rng.integers(2, size=30)
    outputs = 2 if loss == "cross_entropy" else 1
    network, params = saved(tmp_path / "m", [4, outputs], loss=loss, classes=["no", "a \x1b[31mvery long name"])
    np.save(tmp_path / "x.npy", x)
    predict.main([str(tmp_path / "m"), str(tmp_path / "x.npy")])
    guess = network.classify(params, x).reshape(-1)
    spelled = ["no", "a \\x1b[31mvery long name"]
    assert capsys.readouterr().out.splitlines() == [spelled[number] for number in guess]
    np.savez(tmp_path / "labelled.npz", x=x, y=y if outputs == 2 else y[:, None])
    predict.main([str(tmp_path / "m"), str(tmp_path / "labelled.npz")])
    _, _, head, _, *rows = capsys.readouterr().out.splitlines()[:6]
    assert head.split() == ["label", "|", "no", "a", "\\x1b[31mvery…", "taken", "for"]
    counts = [[int(n) for n in row.partition("|")[2].split()] for row in rows]
    assert counts == [[int(np.sum((y == i) & (guess == j))) for j in range(2)] for i in range(2)]
    assert [row.partition("|")[0].strip() for row in rows] == ["no", "a \\x1b[31mvery…"]


def test_bars_of_a_picture_have_the_names(tmp_path, capsys):
    """Beside each bar stands its class, and first of all that of the picture; one output has two bars."""
    image = pytest.importorskip("PIL.Image")
    image.fromarray(np.full((8, 8), 200, np.uint8)).save(tmp_path / "x.png")
    for loss, outputs in (("cross_entropy", 2), ("binary_cross_entropy", 1)):
        saved(tmp_path / "m", [64, outputs], loss=loss, classes=["cat", "elephant"])
        predict.main([str(tmp_path / "m"), "--image", str(tmp_path / "x.png")])
        head, _, *bars = capsys.readouterr().out.splitlines()
        assert head.rpartition(" ")[2] in ("cat", "elephant")
        assert [bar[:8].strip() for bar in bars] == ["cat", "elephant"]
        assert sum(float(bar.split()[-1].rstrip("%")) for bar in bars) == pytest.approx(100, abs=0.1)


def test_a_regression_gives_r2_or_numbers(tmp_path, capsys):
    """Targets are scored by R²; rows alone give their numbers."""
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(30, 4)), rng.normal(size=30)
    network, params = saved(tmp_path / "m", [4, 1], loss="squared_error")
    np.savez(tmp_path / "rows.npz", x=x, y=y)
    predict.main([str(tmp_path / "m"), str(tmp_path / "rows.npz")])
    assert capsys.readouterr().out == f"R² {network.score(params, x, y):.4f} on 30 rows\n"
    for encoding, name in {"utf-8": "R²", "gbk": "R2"}.items():
        environment = {**os.environ, "PYTHONIOENCODING": encoding}
        answer = process("xpnet.predict", str(tmp_path / "m"), str(tmp_path / "rows.npz"), env=environment)
        assert answer.stdout.startswith(f"{name} "), answer.stderr
    np.save(tmp_path / "x.npy", x)
    predict.main([str(tmp_path / "m"), str(tmp_path / "x.npy")])
    np.testing.assert_allclose(
        np.loadtxt(capsys.readouterr().out.splitlines()), network.predict(params, x)[:, 0], rtol=1e-5
    )


@pytest.mark.parametrize(
    ("scale", "rows", "message"),
    [
        (255.0, np.zeros((2, 4)), "holds float64, but the model was trained on bytes and divides by 255"),
        (1.0, np.zeros((2, 4), np.uint8), "holds bytes .* but the model was trained on other numbers"),
        (1.0, np.zeros((2, 5)), "x has 5 columns, but the network .* takes 4 inputs"),
    ],
)
def test_rows_that_do_not_fit_the_model_are_refused(tmp_path, scale, rows, message):
    """Inputs that the model would scale wrongly, or has no place for, are not predicted from."""
    saved(tmp_path / "m", [4, 2], input_scale=scale)
    np.save(tmp_path / "x.npy", rows)
    with pytest.raises(InputError, match=message):
        predict.main([str(tmp_path / "m"), str(tmp_path / "x.npy")])


def test_labels_that_do_not_fit_the_model_are_refused(digits, tmp_path):
    """A label that the model has no output for is named."""
    path, _, _, data = digits
    np.savez(tmp_path / "rows.npz", x=data.x_test[:3], y=np.array([0, 1, 12]))
    with pytest.raises(InputError, match="12"):
        predict.main([str(path), str(tmp_path / "rows.npz")])


def test_something_to_predict_on_must_be_named(digits):
    """Two are refused."""
    path = str(digits[0])
    for arguments in ([path, "x.npy", "--data", "digits"], [path, "x.npy", "--image", "x.png"]):
        with pytest.raises(InputError, match="either a FILE, --data NAME or --image PICTURE"):
            predict.main(arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none", "--data", "digits"], "none is no readable model"),
        (["{model}", "none.npy"], "none.npy"),
        (["{model}", "--data", "digits", "--device", "gpu"], "device 'gpu' is not one of"),
        ([], "the following arguments are required: MODEL"),
    ],
)
def test_the_process_says_what_is_wrong(digits, tmp_path, arguments, message):
    """It exits with 2 and one sentence."""
    answer = process("xpnet.predict", *(part.format(model=digits[0]) for part in arguments), cwd=tmp_path)
    assert message in sentence(answer)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_picture_gets_bars(digits, tmp_path, encoding):
    """Below the guess each label has a bar as long as its probability, of blocks or of what the terminal has."""
    image = pytest.importorskip("PIL.Image", reason="needs Pillow")
    digit = digits[3].x_test[4].reshape(8, 8)
    image.fromarray(digit * 15).resize((80, 80)).save(tmp_path / "digit.png")
    terminal = {**os.environ, "PYTHONIOENCODING": encoding}
    answer = process("xpnet.predict", digits[0], "--image", tmp_path / "digit.png", env=terminal)
    assert (answer.returncode, answer.stderr) == (0, "")
    head, empty, *lines = answer.stdout.splitlines()
    shares = [float(line.split()[-1].rstrip("%")) / 100 for line in lines]
    assert (head, empty) == (f"{tmp_path / 'digit.png'}: {np.argmax(shares)}", "")
    assert [line.split()[0] for line in lines] == [str(label) for label in range(10)]
    assert sum(shares) == pytest.approx(1, abs=0.01)
    full = "█" if encoding == "utf-8" else "#"
    for line, share in zip(lines, shares, strict=True):
        assert line.count(full) == pytest.approx(40 * share, abs=1)


def test_a_picture_for_other_models(tmp_path, capsys):
    """Labels have bars too, and a regression gives its numbers."""
    image = pytest.importorskip("PIL.Image", reason="needs Pillow")
    image.new("L", (2, 2), 30).save(tmp_path / "p.png")
    network, params = saved(tmp_path / "m", [4, 3], loss="binary_cross_entropy", input_scale=1.0)
    predict.main([str(tmp_path / "m"), "--image", str(tmp_path / "p.png")])
    (a,) = network.predict(params, np.full((1, 4), 30 / 255))
    head, _, *lines = capsys.readouterr().out.splitlines()
    assert head.endswith(": " + " ".join(str(int(p > 0.5)) for p in a))
    assert [line.split()[-1] for line in lines] == [f"{p:.1%}" for p in a]

    network, params = saved(tmp_path / "m", [4, 2], loss="squared_error", input_scale=1.0)
    predict.main([str(tmp_path / "m"), "--image", str(tmp_path / "p.png")])
    found = [float(number) for number in capsys.readouterr().out.split()]
    np.testing.assert_allclose(found, network.predict(params, np.full((1, 4), 30 / 255))[0], rtol=1e-5)


def test_what_is_no_picture_is_told(digits, tmp_path):
    """A file of text is a sentence and exit code 2."""
    pytest.importorskip("PIL", reason="needs Pillow")
    (tmp_path / "text.png").write_text("seven")
    answer = process("xpnet.predict", digits[0], "--image", "text.png", cwd=tmp_path)
    assert sentence(answer) == "text.png: not a picture; those of PNG, JPEG, BMP, GIF, TIFF, WEBP, PPM are read"


def test_without_pillow_it_says_what_to_install(digits):
    """The sentence is one line, with the command."""
    answer = process_without("PIL", "xpnet.predict", digits[0], "--image", "x.png")
    assert sentence(answer) == "reading a picture needs pillow, which is not installed; run pip install pillow."


def test_a_data_set_in_place_of_a_model_is_told(tmp_path):
    """The model comes first."""
    np.savez(tmp_path / "d.npz", x=np.eye(3))
    wanted = "d.npz is no model: it is an .npz file of data; name a file that --save or save wrote."
    assert sentence(process("xpnet.predict", "d.npz", "--data", "d.npz", cwd=tmp_path)) == wanted

"""A notebook shows pictures, diagrams, bars and histories where they are the last line of a cell."""

import pytest

nbformat = pytest.importorskip("nbformat", reason="needs nbformat")
nbclient = pytest.importorskip("nbclient", reason="needs nbclient")
pytest.importorskip("ipykernel", reason="needs ipykernel")
pytest.importorskip("matplotlib", reason="needs Matplotlib")

CELLS = {
    "network": "import xpnet\ndata = xpnet.data.load('digits')\n"
    "network = xpnet.Network([64, 32, 10], input_scale=16)\nnetwork",
    "training": "epochs = xpnet.epochs(network, data, xpnet.adam(1e-2), batch_size=32, epochs=3, progress=True)\n"
    "first = next(epochs)\nfirst",
    "history": "history = epochs.history()\nhistory",
    "curves": "history.plot()",
    "weights": "xpnet.plots.weight_images(history.last.params)",
    "optimizer": "xpnet.adam(1e-2)",
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """What each cell shows: its outputs' MIME types with their contents, and streams."""
    folder = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS.values()])
    client = nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}})
    client.execute()
    shown = {}
    for name, cell in zip(CELLS, notebook.cells, strict=True):
        shown[name] = {"stream": "".join(each.text for each in cell.outputs if each.output_type == "stream")}
        for output in cell.outputs:
            shown[name] |= output.get("data", {})
    return shown


def test_a_network_shows_its_diagram(outputs):
    """It is a picture in the page, with the sizes of the layers."""
    assert outputs["network"]["text/html"].startswith("<svg")
    assert "2,410 parameters" in outputs["network"]["text/html"]


def test_an_epoch_is_a_short_line(outputs):
    """Neither its parameters nor the optimizer's state fill the page."""
    assert len(outputs["training"]["text/plain"]) < 500


def test_the_bar_shows(outputs):
    """Whoever asks for one in a notebook sees it, and nothing else on stderr."""
    assert "Warning" not in outputs["training"]["stream"]
    assert "epoch 1/3" in outputs["training"]["stream"]


def test_the_history_names_its_columns(outputs):
    """It holds the epochs that were still to come."""
    assert outputs["history"]["text/plain"].startswith("History of 2 epochs: epoch, cost, train_accuracy")


@pytest.mark.parametrize("cell", ["curves", "weights"])
def test_pictures_show(outputs, cell):
    """Without a line that asks Matplotlib for it."""
    assert "image/png" in outputs[cell]


def test_an_optimizer_is_a_word_with_its_rate(outputs):
    """Not the addresses of its functions."""
    assert outputs["optimizer"]["text/plain"] == "adam(learning_rate=0.01)"

"""Mutations: damaged and hostile files for every reader, which must refuse them in a sentence or take them rightly."""

import gzip
import io
import json
import random
import struct
import warnings
import zipfile
from collections.abc import Callable
from contextlib import redirect_stdout
from copy import deepcopy
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import xpnet
from robustness.campaign import Part, Surprise
from xpnet import predict, serialization, train
from xpnet.data import load, load_rows
from xpnet.errors import XpnetError

LONGEST_MESSAGE = 1000
"""Characters; a longer one repeats what the file holds."""

VALUES: list[Any] = [
    None,
    True,
    -1,
    0,
    1.5,
    1e308,
    float("nan"),
    float("inf"),
    2**31,
    2**63,
    10**30,
    10**400,
    "",
    "x",
    "relu",
]
VALUES += [
    "cuda",
    "\x1b]0;owned\x07",
    "A" * 100_000,
    [],
    [1],
    [[]],
    [None],
    {},
    {"a": 1},
    "../../x",
    [4, 5, 3],
    [-4, 3],
]
"""What may stand in a file's metadata where something else is expected."""

HEADERS = ["<f4", "<f8", "<f2", ">f8", "<i8", "|u1", "|b1", "|O", "<U5", "<c16", "<M8[s]", "|V8", "x", ""]
SHAPES = [
    "(30, 4)",
    "(30,)",
    "()",
    "(0,)",
    "(-1,)",
    "(4611686018427387904, 4)",
    "(65536, 65536, 65536, 65536)",
    "(30.0, 4)",
]
SHAPES += ["None", "(1, 30, 4)", f"({'1, ' * 70})", "(30, 0)", "(True, 4)", "(-30, -4)"]


def case(number: int, folder: Path) -> str:
    """One damaged file, and what its reader makes of it."""
    rng = random.Random(number)
    name = list(READERS)[number % len(READERS)]
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            READERS[name](rng, folder)
            outcome, messages = "taken", []
        except XpnetError as error:
            outcome, messages = "refused", [str(error)]
    messages += [str(each.message) for each in warned if each.category.__module__.startswith("xpnet")]
    for message in messages:
        if len(message) > LONGEST_MESSAGE or not message.replace("\n", "").isprintable():
            raise Surprise(f"a message of {len(message)} characters: {message[:200]!r}")
    return outcome


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Some bytes changed, left out, put in or cut off."""
    data = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        if not data:
            break
        at = rng.randrange(len(data)) if rng.random() < 0.6 else rng.randrange(min(len(data), 200))
        how = rng.random()
        if how < 0.4:
            data[at] ^= 1 << rng.randrange(8)
        elif how < 0.7:
            data[at] = rng.randrange(256)
        elif how < 0.8:
            del data[at : at + rng.randrange(1, 9)]
        elif how < 0.9:
            data[at:at] = rng.randbytes(rng.randrange(1, 9))
        else:
            del data[at:]
    return bytes(data)


@cache
def trained() -> tuple[bytes, np.ndarray]:
    """A model's file, and its predictions."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "m.safetensors")
        np.savez(Path(folder, "d.npz"), x_train=rows(), y_train=labels(), x_test=rows()[:5], y_test=labels()[:5])
        flags = [
            "--hidden",
            "5",
            "--epochs",
            "2",
            "--batch-size",
            "8",
            "--validation-fraction",
            "0.2",
            "--patience",
            "5",
        ]
        train.main(["--data", str(Path(folder, "d.npz")), *flags, "--l2", "0.01", "--quiet", "--save", str(path)])
        model = serialization.load(path)
        return path.read_bytes(), model.network.predict(model.params, rows())


def rows() -> np.ndarray:
    """Inputs (30, 4)."""
    return np.random.default_rng(0).normal(size=(30, 4)).astype("float32")


def labels() -> np.ndarray:
    """Classes (30,)."""
    return np.arange(30) % 3


def mutated_model(rng: random.Random, folder: Path) -> Path:
    """A model whose bytes or metadata are changed."""
    content, _ = trained()
    path = folder / "m.safetensors"
    if rng.random() < 0.4:
        path.write_bytes(damaged(content, rng))
        return path
    (size,) = struct.unpack("<Q", content[:8])
    header, body = json.loads(content[8 : 8 + size]), content[8 + size :]
    if rng.random() < 0.3:
        tensor = header[rng.choice([name for name in header if name != "__metadata__"])]
        field = rng.choice(list(tensor))
        tensor[field] = rng.choice(["F64", "I32", "F16", [2**32, 2**32], [0, 2**63], [-1], [], tensor[field]])
    else:
        about = json.loads(header["__metadata__"]["xpnet"])
        header["__metadata__"]["xpnet"] = changed_json(about, rng)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    return path


def changed_json(about: Any, rng: random.Random) -> str:
    """Metadata with values of other types, missing or unknown keys, or nested too deeply."""
    if rng.random() < 0.05:
        depth = rng.choice([100, 5000, 100_000])
        return "[" * depth + "]" * depth
    for _ in range(rng.choice([1, 1, 2])):
        holder, key = rng.choice(list(places(about)))
        how = rng.random()
        if how < 0.15:
            del holder[key]
        elif how < 0.25 and isinstance(holder, dict):
            holder[rng.choice(["x", "", "sizes", "epoch"])] = deepcopy(rng.choice(VALUES))
        else:
            holder[key] = deepcopy(rng.choice(VALUES))
        if not list(places(about)):
            break
    return json.dumps(about)


def places(tree: Any) -> Any:
    """Every (holder, key) of nested lists and dictionaries."""
    for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
        yield tree, key
        if isinstance(tree[key], dict | list):
            yield from places(tree[key])


def model(rng: random.Random, folder: Path) -> None:
    """Load, predict, and train one epoch more."""
    loaded = serialization.load(mutated_model(rng, folder))
    network, params = loaded.network, loaded.params
    answers = network.predict(params, np.zeros((2, network.sizes[0]), "float32"))
    if not np.isfinite(answers).all():
        raise Surprise("a model whose answers are not finite was loaded")
    if network.sizes[0] == 4 and not np.allclose(network.predict(params, rows()), trained()[1], atol=1e-6):
        raise Surprise("a changed model was loaded, and answers otherwise")
    if loaded.checkpoint is not None and network.sizes[0] == 4:
        epochs = loaded.checkpoint.epoch + 1
        if epochs > 10:
            return
        list(
            xpnet.epochs(
                network, (rows(), labels()), xpnet.adam(), batch_size=8, epochs=epochs, resume=loaded.checkpoint
            )
        )


def predicted(rng: random.Random, folder: Path) -> None:
    """`python -m xpnet.predict` of rows."""
    path = mutated_model(rng, folder)
    np.save(folder / "x.npy", rows())
    with redirect_stdout(io.StringIO()):
        predict.main([str(path), str(folder / "x.npy")])


def resumed(rng: random.Random, folder: Path) -> None:
    """`python -m xpnet.train --resume`."""
    path = mutated_model(rng, folder)
    with redirect_stdout(io.StringIO()):
        train.main(["--resume", str(path), "--epochs", "3", "--quiet"])


def npy(array: np.ndarray, rng: random.Random) -> bytes:
    """An .npy file whose bytes are damaged or whose header lies."""
    file = io.BytesIO()
    np.lib.format.write_array(file, array)
    if rng.random() < 0.5:
        return damaged(file.getvalue(), rng)
    shape, dtype, order = rng.choice(SHAPES), rng.choice(HEADERS), rng.choice(["False", "False", "True", "1"])
    header = f"{{'descr': {dtype!r}, 'fortran_order': {order}, 'shape': {shape}, }}"
    if rng.random() < 0.1:
        header = rng.choice(["[" * 900, "{" + "'a': 1, " * 3000 + "}", header[:-3], header + " " * 70_000])
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text) & 0xFFFF) + text + array.tobytes()


def npz(rng: random.Random, folder: Path) -> Path:
    """An .npz with an array or the archive itself damaged."""
    arrays = {
        "x_train": rows(),
        "y_train": labels(),
        "x_test": rows()[:5],
        "y_test": labels()[:5],
        "x_val": rows()[:5],
        "y_val": labels()[:5],
        rng.choice(["ids", "\x1b]0;owned\x07", "A" * 60_000]): labels(),
        "x": rows(),
        "y": labels(),
    }
    victim = rng.choice(list(arrays))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
        for name, array in arrays.items():
            whole = io.BytesIO()
            np.lib.format.write_array(whole, array)
            archive.writestr(f"{name}.npy", npy(array, rng) if name == victim else whole.getvalue())
    path = folder / "d.npz"
    path.write_bytes(damaged(file.getvalue(), rng) if rng.random() < 0.4 else file.getvalue())
    return path


def data_set(rng: random.Random, folder: Path) -> None:
    """A data set in an .npz."""
    load(str(npz(rng, folder)))


def npz_rows(rng: random.Random, folder: Path) -> None:
    """Rows to predict in an .npz."""
    load_rows(str(npz(rng, folder)))


def npy_folder(rng: random.Random, folder: Path) -> None:
    """A folder of .npy files, all of whose rows are read."""
    for name, array in {"x_train": rows(), "y_train": labels()}.items():
        (folder / f"{name}.npy").write_bytes(npy(array, rng))
    data = load(str(folder))
    np.asarray(data.x_train), np.asarray(data.y_train)


def idx_folder(rng: random.Random, folder: Path) -> None:
    """A folder of IDX files, plain or compressed."""
    kind, width = rng.choice([(8, 1), (9, 1), (11, 2), (12, 4), (13, 4), (14, 8)])
    images = bytes([0, 0, kind, 3]) + struct.pack(">3I", 30, 2, 2) + bytes(range(120)) * width
    classes = b"\0\0\x08\x01" + struct.pack(">I", 30) + bytes(labels().astype("u1"))
    beside = rng.choice(["", "", "MNIST/raw/", "raw/"])
    for part, content in {"images-idx3-ubyte": images, "labels-idx1-ubyte": classes}.items():
        part = part.replace("-idx", rng.choice(["-idx", "-idx", ".idx"]))
        name = rng.choice(["train-", "train-", "emnist-letters-train-", "qmnist-train-"]) + part
        content = damaged(content, rng)
        if rng.random() < 0.3:
            name, content = f"{name}.gz", damaged(gzip.compress(content), rng)
        if rng.random() < 0.1:
            name = f"{name}/{name}"
        path = folder / beside / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    load(str(folder))


def any_file(rng: random.Random, folder: Path) -> None:
    """A file of another kind, or of any bytes, as a data set or as rows."""
    starts = [b"\x80\x04\x95", b"\x89HDF\r\n\x1a\n", b"MATLAB 5.0 MAT-file", b"<!DOCTYPE html>", b"PK\x03\x04"]
    starts += [b"\x93NUMPY\x01\x00", b"\0\0\x08\x01", b"\xff\xd8\xff", b"PAR1", b"ARROW1", b"1,2,3\n4,5,6\n", b""]
    content = damaged(rng.choice(starts) + rng.randbytes(rng.choice([0, 10, 1000])), rng)
    if rng.random() < 0.3:
        content = damaged(gzip.compress(content), rng)
    path = folder / rng.choice(["file", "file.npz", "file.pkl.gz", "file.bin", "\x1b]0;owned\x07"])
    path.write_bytes(content)
    rng.choice([load, load_rows])(str(path))


def picture(rng: random.Random, folder: Path) -> None:
    """A picture of one of several formats."""
    from PIL import Image

    from xpnet.data import load_picture

    kind = rng.choice(["PNG", "GIF", "BMP", "TIFF", "JPEG", "PPM", "WEBP", "EPS", "PDF", "PCX", "TGA", "ICO"])
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (20, 20), np.uint8)).save(file, kind)
    path = folder / "p.png"
    path.write_bytes(damaged(file.getvalue(), rng))
    load_picture(str(path), 64, 16.0, "")


READERS: dict[str, Callable[[random.Random, Path], None]] = {
    reader.__name__: reader
    for reader in (model, predicted, resumed, data_set, npz_rows, npy_folder, idx_folder, any_file)
}
if find_spec("PIL"):
    READERS["picture"] = picture

PART = Part("damaged files given to every reader", case, quick=400, normal=8_000, long=200_000, limit=30)

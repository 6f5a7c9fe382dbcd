"""`python -m xpnet.export`: write a saved model as an ONNX file or a C header, for other programs to run."""

from pathlib import Path

from xpnet import serialization
from xpnet._cli.commandline import Parser, run
from xpnet._support.atomic_write import check_writable, write_whole
from xpnet._support.typing import Params
from xpnet.backends.base import alternatives
from xpnet.errors import InputError
from xpnet.training.network import Network
from xpnet.training.standardization import Standardization

EXAMPLES = """examples:
  python -m xpnet.export digits.safetensors digits.onnx
  python -m xpnet.export digits.safetensors digits.h"""


def main(arguments: list[str]) -> None:
    """Write the file, and print what it takes and gives."""
    flags = parser().parse_args(arguments)
    ending = Path(flags.file).suffix
    if ending not in WRITERS:
        raise InputError(f"{flags.file} does not end in {alternatives(tuple(WRITERS))}, which are what can be written.")
    model = serialization.load(flags.model)
    check_writable(flags.file)
    network = model.network
    written = WRITERS[ending](Path(flags.file), network, model.params)
    dtype = model.params[0].w.dtype
    print(f"{flags.file}: {network}, {written}")
    print(f"input x, {dtype} (n, {network.sizes[0]}){scaling(network.input_scale)}")
    print(f"output a, {dtype} (n, {network.sizes[-1]})")


def write_onnx(path: Path, network: Network, params: Params) -> str:
    """Write an ONNX file; the result names the format."""
    from xpnet import onnx

    onnx.export(path, network, params)
    return f"ONNX opset {onnx.OPSET}"


def write_c(path: Path, network: Network, params: Params) -> str:
    """Write a C header, whose names begin with that of the file; the result names the format."""
    write_whole(path, serialization.to_c(network, params, path.stem).encode())
    return "C header, a row at a time"


WRITERS = {".onnx": write_onnx, ".h": write_c}
"""What writes a file of each ending."""


def parser() -> Parser:
    """Parser of the flags."""
    flags = Parser("xpnet.export", "Write a saved model as an ONNX file or a C header.", EXAMPLES, "MODEL FILE")
    flags.add_argument("model", metavar="MODEL", help="model file that python -m xpnet.train --save wrote")
    flags.add_argument("file", metavar="FILE", help="file to write, MODEL.onnx or MODEL.h; an existing one is replaced")
    return flags


def scaling(scale: float | Standardization | None) -> str:
    """What becomes of the inputs first."""
    if isinstance(scale, Standardization):
        return ", standardized within"
    return "" if scale in (None, 1) else f", divided by {scale:g} within"


if __name__ == "__main__":
    run(main)

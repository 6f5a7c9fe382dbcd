"""`python -m xpnet.export`: write a saved model as an ONNX file, for other programs to run."""

from xpnet import serialization
from xpnet._cli.commandline import Parser, run
from xpnet._support.atomic_write import check_writable
from xpnet.errors import InputError

EXAMPLES = """example:
  python -m xpnet.export digits.safetensors digits.onnx"""


def main(arguments: list[str]) -> None:
    """Write the file, and print what it takes and gives."""
    flags = parser().parse_args(arguments)
    if not flags.file.endswith(".onnx"):
        raise InputError(f"{flags.file} does not end in .onnx; ONNX is what can be written.")
    from xpnet import onnx

    model = serialization.load(flags.model)
    check_writable(flags.file)
    network = model.network
    onnx.export(flags.file, network, model.params)
    dtype = model.params[0].w.dtype
    print(f"{flags.file}: {network}, ONNX opset {onnx.OPSET}")
    print(f"input x, {dtype} (n, {network.sizes[0]}){scaling(network.input_scale)}")
    print(f"output a, {dtype} (n, {network.sizes[-1]})")


def parser() -> Parser:
    """Parser of the flags."""
    flags = Parser("xpnet.export", "Write a saved model as an ONNX file.", EXAMPLES, "MODEL MODEL.onnx")
    flags.add_argument("model", metavar="MODEL", help="model file that python -m xpnet.train --save wrote")
    flags.add_argument("file", metavar="MODEL.onnx", help="ONNX file to write; an existing one is replaced")
    return flags


def scaling(scale: float | None) -> str:
    """What the graph does to its inputs first."""
    return "" if scale in (None, 1) else f", divided by {scale:g} within"


if __name__ == "__main__":
    run(main)

"""Folders: which folder of a path holds the files of a data set, or the refusal of one that holds none."""

from collections.abc import Sequence
from pathlib import Path

from xpnet.data.checks import count
from xpnet.data.files import reading
from xpnet.data.idx_folder import idx_files, idx_paths
from xpnet.data.npy_folder import LISTED
from xpnet.errors import DataError


def data_folder(path: Path, arrays: Sequence[str], names: Sequence[str]) -> Path:
    """Folder with files of a data set: itself, or the only one in it, or in a folder `raw` of these, as torchvision's.

    Args:
        path: A folder.
        arrays: Names of the arrays that are looked for, for the message.
        names: Names of the IDX files.

    Raises:
        DataError: There is none, or there are several.
    """
    if any(path.glob("*.npy")) or idx_files(path):
        return path
    below = [each for pattern in ("*", "*/raw") for each in sorted(path.glob(pattern)) if each.is_dir()]
    folders = [each for each in below if any(each.glob("x_t*.npy")) or idx_paths(each)]
    if len(folders) == 1:
        return folders[0]
    if folders:
        names = ", ".join(str(each.relative_to(path)) for each in folders)
        raise DataError(f"{path}: holds several data sets, in {names}; name one of these folders")
    raise DataError(
        f"{path}: holds neither .npy files ({', '.join(f'{name}.npy' for name in arrays)}) "
        f"nor IDX files under MNIST's names ({', '.join(names)}, plain or with .gz); {holding(path)}"
    )


def holding(path: Path) -> str:
    """What a folder without a data set holds."""
    with reading(path):
        entries = sorted(path.iterdir())
    names = [f"{each.name}/" if each.is_dir() else each.name for each in entries]
    more = len(names) - LISTED
    return f"it holds {', '.join(names[:LISTED]) or 'nothing'}" + (f" and {count(more, 'other')}" if more > 0 else "")

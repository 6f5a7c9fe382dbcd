"""What a caller may want to tell apart; a command prints any of them as one sentence, without a traceback."""

LONGEST = 1000
"""Most characters of a message; a longer one repeats what a file holds, and is shortened in its middle."""


def printable(text: str) -> str:
    """Text that may reach a terminal, whatever files and other libraries have put into it."""
    text = _shortened(text)
    if text.replace("\n", "").isprintable():
        return text
    letters = (letter if letter.isprintable() or letter == "\n" else repr(letter)[1:-1] for letter in text)
    return _shortened("".join(letters))


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} … {text[-LONGEST // 3 :]}"


class XpnetError(Exception):
    """Something that the user can mend; the message says how, without control characters and not at any length."""

    def __str__(self) -> str:
        return printable(super().__str__())


class InputError(XpnetError, ValueError):
    """An argument or an array that does not fit."""


class DataError(InputError):
    """A file or data set that is not what it claims to be."""


class ModelFileError(InputError):
    """A saved model that cannot be read, or not for this use."""


class DeviceError(XpnetError, RuntimeError):
    """A backend or a device that cannot serve; the message lists each candidate and what mends it."""


class MissingExtraError(XpnetError, ImportError):
    """An optional package that is not installed; the message holds the command that installs it."""


class DivergenceError(XpnetError, ArithmeticError):
    """A cost that is no longer finite."""


class RankError(XpnetError, RuntimeError):
    """What another rank of a training over MPI met."""


class LeftBehindError(RankError):
    """Other ranks of a training over MPI left, while this one goes on."""


class EngineWarning(RuntimeWarning):
    """An engine that turned out not to serve here, and which one serves instead."""


class ModelFileWarning(UserWarning):
    """A saved model whose numbers cannot be checked."""


class DataWarning(UserWarning):
    """Data that are probably not meant as they are understood; the message says how to say otherwise."""


class CaptureError(XpnetError, TypeError):
    """A function that cannot be captured; the message names the operation and the line."""

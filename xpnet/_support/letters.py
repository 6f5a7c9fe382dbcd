"""Letters that a console may lack."""

import sys


def r_squared() -> str:
    """R², spelled R2 where stdout cannot have it: a Japanese or Chinese console, or a file that its output goes to."""
    try:
        "²".encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return "R2"
    return "R²"

"""One line of text from a mounted file, read anew each time, so that a rotated secret counts at once."""

from pathlib import Path
from typing import Final

from wattswitch.bridges.asked import Reason, Refused

FILE_LIMIT_BYTES: Final = 64 * 1024


def read_secret(path: str, field: str) -> str:
    """The line in the file. Blocks; raises Refused, whose message names the field and the path and nothing in it."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(FILE_LIMIT_BYTES + 1)
        text = content.decode("ascii").strip()
    except (OSError, ValueError) as error:
        message = f"{field}: {path} can't be read as a line of ASCII text ({type(error).__name__})"
        raise Refused(Reason.SECRET_UNREADABLE, message) from None
    if len(content) > FILE_LIMIT_BYTES or not text or not text.isprintable():
        raise Refused(Reason.SECRET_UNREADABLE, f"{field}: {path} must hold one line of ASCII text")
    return text

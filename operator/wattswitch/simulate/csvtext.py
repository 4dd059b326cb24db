"""The text of a CSV file that a user names."""

import gzip
import zlib
from collections.abc import Callable
from pathlib import Path

from wattswitch.errors import SpecInvalid


def csv_text(path: Path, error: Callable[[str], SpecInvalid], where: str = "") -> str:
    """The text, unpacked where the name ends in .gz. Raises `error`; `where` says in which option the name stands."""
    try:
        content = path.read_bytes()
        return (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8-sig")
    except FileNotFoundError:
        raise error(f"{path} does not exist: correct its name{where}") from None
    except (OSError, UnicodeDecodeError, EOFError, zlib.error) as problem:
        raise error(f"{path} can't be read ({type(problem).__name__}): it must be a CSV file in UTF-8") from None

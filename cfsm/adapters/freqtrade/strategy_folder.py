"""One read-only folder per strategy: Freqtrade takes the first file that fits, and any ``.json`` beside it."""

import re
import shutil
from pathlib import Path

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}", re.ASCII)


class BadName(ValueError):
    """This is no name of a class; the message says what was given."""


def write_strategy(folder: Path, name: str, source: bytes, parameters: str | None) -> Path:
    """Write a strategy and its parameters into a new folder, read-only, and give the folder.

    Raise BadName for a name that is no identifier, OSError where the disk refuses.
    """
    if not _NAME.fullmatch(name):
        raise BadName(f"{name[:60]!r} is no name of a class: use letters, digits and _")
    folder.mkdir(mode=0o700)
    files = {f"{name}.py": source} | ({f"{name}.json": parameters.encode()} if parameters is not None else {})
    for file, content in files.items():
        path = folder / file
        path.write_bytes(content)
        path.chmod(0o400)
    folder.chmod(0o500)
    return folder


def remove_folder(folder: Path) -> None:
    """Remove a strategy's folder, if it is there."""
    if folder.is_dir():
        folder.chmod(0o700)
        shutil.rmtree(folder)

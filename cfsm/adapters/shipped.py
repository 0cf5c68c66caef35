"""The folders that come with CFSM beside its code: `config/` and `systemd/`.

An installed wheel holds them inside the package, a checkout beside it.
"""

from pathlib import Path
from typing import Literal

from cfsm.application.errors import Misconfigured

PACKAGE = Path(__file__).resolve().parent.parent


class NotShipped(Misconfigured):
    """A folder that comes with CFSM is not there: the installation is incomplete."""


def shipped(name: Literal["config", "systemd"], *, package: Path = PACKAGE) -> Path:
    """The folder of this name. Raise NotShipped if this installation lacks it."""
    candidates = [package / "_shipped" / name]
    if (package.parent / "pyproject.toml").is_file():  # else it is site-packages, where such a folder is another's
        candidates.append(package.parent / name)
    for folder in candidates:
        if folder.is_dir():
            return folder
    raise NotShipped(f"{name}/ is missing from this installation of CFSM ({package}); install it again")

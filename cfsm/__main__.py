"""``python -m cfsm`` and the command ``cfsm``."""

import os
import sys

EXIT_INTERRUPTED = 130


def main() -> None:
    """Run ``cfsm``. Ctrl+C is no error, not even while the program loads."""
    if __name__ != "__main__":  # the installed command: nor does what it starts import from the current directory
        os.environ.setdefault("PYTHONSAFEPATH", "1")
    try:
        from cfsm.cli.root import main as run  # noqa: PLC0415  loading is what may be interrupted

        run()
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


if __name__ == "__main__":
    main()

"""``python -m cfsm`` and the command ``cfsm``."""

from cfsm.cli.root import main

__all__ = ["main"]

if __name__ == "__main__":
    main()

"""The command ``cfsm`` with a forge that runs nothing: ``python -m tests.fakes.quick_factory SECONDS ARGS…``.

Everything else is real: supervisor, workers, event store, projections, templates. SECONDS bounds how long a run of a
strategy takes.
"""

import sys

from cfsm.adapters.freqtrade import client
from cfsm.cli.root import main
from tests.fakes import forge

if __name__ == "__main__":
    seconds, *arguments = sys.argv[1:]
    client.forge_command = lambda path, *_: forge.forge_command(path, "--seconds", seconds, "--varied")
    main(arguments)

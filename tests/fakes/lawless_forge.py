"""A forge that looks at no text before it runs it: what holds then is the cage. Never used outside of tests."""

import os
import sys

from cfsm.adapters.freqtrade import caged_run, server

if __name__ == "__main__":
    os.environ["CFSM_FORGE_CLEAN"] = "1"  # it is started clean, and must not be replaced by the real one
    caged_run.judge = lambda source: []
    sys.exit(server.main(sys.argv[1:]))

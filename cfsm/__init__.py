"""CFSM: an event-sourced factory of Freqtrade futures strategies.

Rooms: it decides -> ``domain``; asks in our words -> ``application``; touches the world -> ``adapters``;
waits -> ``workers``; remembers for showing -> ``projections``; prints -> ``cli``. Imports point inward and the
build checks it.

Importing this package puts a safe SQLite in place of the interpreter's, before anything opens a database: Debian
12's SQLite 3.40.1 lies in the range (3.7.0 to 3.51.2) whose write-ahead log can be corrupted by several processes.
"""

import sys

try:
    import pysqlite3
except ImportError:  # another platform: `cfsm doctor` and the event store check the version themselves
    pass
else:
    sys.modules["sqlite3"] = pysqlite3

__version__ = "0.1.0"

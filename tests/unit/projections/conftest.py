"""Lets the tests in this folder use the SQLite that CFSM uses."""

import cfsm  # noqa: F401 - puts it in the place of the interpreter's, before a test imports sqlite3

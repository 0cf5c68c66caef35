"""The event store: the library's recorders with CFSM's chain and tasks, on SQLite and on PostgreSQL."""

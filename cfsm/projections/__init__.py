"""What CFSM remembers for showing: views folded from the event log, each in a disposable file of its own.

They decide nothing and write no event. Delete a file and it is folded again, the same to the last byte. Nothing
here knows the event store, the settings or the terminal: entries come through ``cfsm.domain.log.Log``.
"""

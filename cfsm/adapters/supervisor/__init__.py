"""The embedded supervisor: runs the workers as child processes, by systemd's notify and watchdog protocol.

What a supervised process needs lives elsewhere: ``systemd.Notifier`` and ``lifeline.exit_when_supervisor_dies``.
``group`` has the Supervisor, ``units`` what it runs, ``control`` what other processes ask of it. Nothing is
imported here, so that asking for the status stays cheap.
"""

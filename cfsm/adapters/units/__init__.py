"""systemd's units of a factory: what is written where, how it is asked for, and what systemd tells of them.

``layout`` says where files lie, ``rendering`` what they say, ``installing`` writes and removes them, ``systemctl`` asks
systemd, ``status`` tells how the units fare as the embedded supervisor would.
"""

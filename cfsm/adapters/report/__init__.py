"""The report on a strategy as one HTML page that needs nothing else: no network, no other file.

``page`` puts it together, ``sections`` and ``tables`` are its parts, ``chart`` draws SVG, ``markup`` escapes. What it
shows is given to it: nothing is decided or computed here but sums of what is shown.
"""

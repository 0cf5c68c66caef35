"""Wires everything: the only place that knows the settings, the adapters and the workers together.

``house`` has the home with everything that is in it, ``views`` how what is shown is kept up to date, ``workers`` the
worker of each role, ``units`` what the embedded supervisor runs.
"""

from cfsm.bootstrap.house import House, find_home
from cfsm.bootstrap.units import restart_policy, units
from cfsm.bootstrap.workers import ROLES, build_worker, refusal_of

__all__ = ["ROLES", "House", "build_worker", "find_home", "refusal_of", "restart_policy", "units"]

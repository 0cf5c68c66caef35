"""What a person configures: typed settings, read from defaults, a profile, a file and the environment.

Here live the schema, the readers, and the words for what is wrong. What a setting does lives with who receives it:
`bootstrap` hands each object the values or the section that it needs, never the whole.
"""

from cfsm.settings.loading import Findings, check, load, profiles
from cfsm.settings.problems import ConfigurationError, Problem
from cfsm.settings.schema import Settings

__all__ = ["ConfigurationError", "Findings", "Problem", "Settings", "check", "load", "profiles"]

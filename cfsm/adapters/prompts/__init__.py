"""The prompts: a text file for each version of each. A version that was released is never changed; the next one is."""

from cfsm.adapters.prompts.folder import PromptFolder

__all__ = ["PromptFolder"]

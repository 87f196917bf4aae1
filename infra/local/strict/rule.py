"""Strict rule: one behavior of AWS that the AWS emulator (MiniStack) lacks, with its source and its installation."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """`install` patches the running emulator; `source` names the AWS documentation page that states the rule."""

    name: str
    source: str
    install: Callable[[], None]

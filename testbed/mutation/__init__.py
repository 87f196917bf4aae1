"""Mutation: finds the protections of an application and removes them one at a time, to see what notices.

A `Mutation` is a protection and how to remove it: from a module's syntax tree (`code`, `conditions`), from a workflow's
definition or from a template (`definitions`). `trial` runs something in a process of its own in which one is removed.
"""

from testbed.mutation.mutant import Kind, Mutant, Mutation

__all__ = ["Kind", "Mutant", "Mutation"]

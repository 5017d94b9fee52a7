"""The rules: each module of this package holds one rule, or several of one subject; there is no list to edit."""

from __future__ import annotations

import importlib
import pkgutil

from analyzer.diagnose.rule import Rule


def _found() -> tuple[Rule, ...]:
    modules = (importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
    rules = {rule.id: rule for module in modules for rule in vars(module).values() if isinstance(rule, Rule)}
    return tuple(sorted(rules.values(), key=lambda rule: (len(rule.id), rule.id)))


ALL: tuple[Rule, ...] = _found()
"""Every rule, by its id."""

"""All KPIs: family by family, each family a module that lists its records."""

from __future__ import annotations

from analyzer.kpi import itu, load, media, rfc6076, ts32
from analyzer.kpi.record import Kpi

FAMILIES: dict[str, tuple[Kpi, ...]] = {
    str(module.__doc__).rstrip("."): module.KPIS for module in (rfc6076, itu, ts32, load, media)
}
"""The KPIs of each family, by its heading."""

KPIS: dict[str, Kpi] = {kpi.name: kpi for family in FAMILIES.values() for kpi in family}
"""All of them, by name."""

"""Keys of EnergyPLAN that bear on what a run gives, but have no cell: what a scenario goes without is said by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dhsdb.importers.energyplan_text import number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dhsdb.importers.energyplan_keys import Keys
    from dhsdb.importers.energyplan_text import Entry

_PARTS = {
    "demand and supply of electricity": (
        r"transport_twh(_v2g)?|flexible_(day|week|4weeks)_twh|add_?el_twh|addexport_twh|cooling_chillers_demand|biogas_elec|"
        r"cshp_el_gr\d|cap_elt\w*_el|nh3output"
    ),
    "supply of heat": (
        r"solar_ann_gr\d|cshp_th_gr\d|geo_th_gr\d|ind_surplus_heat\d|waste\d_waste|hh_\w+_solar|hh_h2chp_heat|fuel_dhp\[\d+\]"
    ),
    "fuels and emissions": (
        r"fuel_(transport|various|cshp)\[\d+\]|bio(diesel|petrol|jp)input|biogas(wet|solid)biomassinput|biogas_prod|"
        r"gasi_?biomassinput|rsc_biomass|pyrolysis_biomass|htl_biomass|syn(diesel|petrol|jp)|\w*hydro(liqfuel|syngridgas)"
    ),
    "costs of operation": r"handling_\w+\[\d+\]|tax_\w+(\[\d+\])?|vc_(eh_dh|boiler_indv|geothermal|pump|turbine|hydropump)",
    "least operation": r"fixedboiler\d|chpgr3_cap_minimum|pp_cap_minimum",
}
_KEYS = {part: re.compile(rf"input_(?:{pattern})") for part, pattern in _PARTS.items()}
_NAMED = 12
"""Keys that a finding names."""


def gaps(keys: Keys) -> Iterator[tuple[str, Entry]]:
    """Yield what a scenario goes without, and the first key that says so."""
    for part, pattern in _KEYS.items():
        found = [e[-1] for k, e in keys.entries.items() if number(e[-1].value) and pattern.fullmatch(k)]
        if found:
            named = ", ".join(f"{e.key} {e.value.strip()}" for e in found[:_NAMED])
            more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
            count = f"{len(found)} keys have" if len(found) > 1 else "a key has"
            yield f"{part}: {count} no cell: {named}{more}.", found[0]

"""The names of OSeMOSYS: sets, parameters with their indices and otoole's defaults, and what other dialects call them.

Defaults are those of otoole's configuration, which a source may replace; many are not zero and carry meaning.
"""

from __future__ import annotations

from dataclasses import dataclass, field

REGION, TECHNOLOGY, FUEL, EMISSION, STORAGE = "REGION", "TECHNOLOGY", "FUEL", "EMISSION", "STORAGE"
MODE, SLICE, YEAR = "MODE_OF_OPERATION", "TIMESLICE", "YEAR"
SEASON, DAYTYPE, BRACKET = "SEASON", "DAYTYPE", "DAILYTIMEBRACKET"
OTHER_REGION = "_REGION"
"""Index of the second region of TradeRoute; its members are those of REGION."""

SETS = (REGION, TECHNOLOGY, FUEL, EMISSION, STORAGE, MODE, SLICE, YEAR, SEASON, DAYTYPE, BRACKET)

ALIASES = {
    "COMMODITY": FUEL, "EMISSIONS": EMISSION, "MODEOFOPERATION": MODE, "MODE": MODE, "REGION2": OTHER_REGION,
    "REGION.1": OTHER_REGION, "_REGION": OTHER_REGION, "RR": OTHER_REGION,
}  # fmt: skip
"""What other versions call a set."""

_SHORT = {
    "r": REGION, "q": OTHER_REGION, "t": TECHNOLOGY, "f": FUEL, "e": EMISSION, "s": STORAGE, "m": MODE, "l": SLICE, "y": YEAR,
    "S": SEASON, "D": DAYTYPE, "B": BRACKET,
}  # fmt: skip

_PARAMETERS = """
YearSplit ly 0
DiscountRate r 0.05
DiscountRateIdv rt 0.05
DiscountRateStorage rs 0.05
DepreciationMethod r 1
OperationalLife rt 1
SpecifiedAnnualDemand rfy 0
SpecifiedDemandProfile rfly 0
AccumulatedAnnualDemand rfy 0
CapacityToActivityUnit rt 1
CapacityFactor rtly 1
AvailabilityFactor rty 1
ResidualCapacity rty 0
InputActivityRatio rtfmy 0
OutputActivityRatio rtfmy 0
CapitalCost rty 0
VariableCost rtmy 0
FixedCost rty 0
TotalAnnualMaxCapacity rty -1
TotalAnnualMinCapacity rty 0
TotalAnnualMaxCapacityInvestment rty -1
TotalAnnualMinCapacityInvestment rty 0
TotalTechnologyAnnualActivityUpperLimit rty -1
TotalTechnologyAnnualActivityLowerLimit rty 0
TotalTechnologyModelPeriodActivityUpperLimit rt -1
TotalTechnologyModelPeriodActivityLowerLimit rt 0
CapacityOfOneTechnologyUnit rty 0
ReserveMarginTagTechnology rty 0
ReserveMarginTagFuel rfy 0
ReserveMargin ry 1
RETagTechnology rty 0
RETagFuel rfy 0
REMinProductionTarget ry 0
EmissionActivityRatio rtemy 0
EmissionsPenalty rey 0
AnnualExogenousEmission rey 0
ModelPeriodExogenousEmission re 0
AnnualEmissionLimit rey -1
ModelPeriodEmissionLimit re -1
TradeRoute rqfy 0
TechnologyToStorage rtsm 0
TechnologyFromStorage rtsm 0
StorageLevelStart rs 0
StorageMaxChargeRate rs 0
StorageMaxDischargeRate rs 0
MinStorageCharge rsy 0
OperationalLifeStorage rs 0
CapitalCostStorage rsy 0
ResidualStorageCapacity rsy 999
DaySplit By 0.00137
DaysInDayType SDy 7
Conversionls lS 0
Conversionld lD 0
Conversionlh lB 0
"""

_OF_PULP = """
DiscountRateTech rt 0.05
DiscountRateSto rs 0.05
OutputModeofoperation rtmy 1
GIS_Losses rf 0
StorageMaxCapacity rs -1
TechWithCapacityNeededToMeetPeakTS rt 0
StorageUvalue rsy 0
StorageFlowTemperature rsy 0
StorageReturnTemperature rsy 0
StorageAmbientTemperature rsy 0
StorageL2D rsy 0
Storagetagheating rs 0
Storagetagcooling rs 0
"""

_OF_MUIO = """
UDCTag
UDCConstant
UDCMultiplierTotalCapacity
UDCMultiplierNewCapacity
UDCMultiplierActivity
TechnologyActivityByModeLowerLimit rtmy 0
TechnologyActivityByModeUpperLimit rtmy 999999
TechnologyActivityDecreaseByModeLimit rtmy 0
TechnologyActivityIncreaseByModeLimit rtmy 0
InputToNewCapacityRatio rtfy 0
InputToTotalCapacityRatio rtfy 0
"""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter as the model declares it.

    Attributes
    ----------
    indices
        Sets in the order of the model; empty if not known.
    default
        otoole's default.
    kind
        ``model``, ``pulp`` (variants of the PuLP version) or ``muio`` (extensions that have no place here).
    """

    name: str
    indices: tuple[str, ...]
    default: float
    kind: str = field(default="model")


def _listed(text: str, kind: str) -> dict[str, Parameter]:
    found = {}
    for line in text.split("\n"):
        name, letters, default = ([*line.split(), "", "0"])[:3] if line else ("", "", "")
        if name:
            indices = tuple(_SHORT[letter] for letter in letters)
            found[name] = Parameter(name, indices, float(default or 0), kind)
    return found


PARAMETERS = {**_listed(_PARAMETERS, "model"), **_listed(_OF_PULP, "pulp"), **_listed(_OF_MUIO, "muio")}
"""All parameters that are known, by name."""

UNUSED_BY_PULP = (
    "StorageUvalue", "StorageFlowTemperature", "StorageReturnTemperature", "StorageAmbientTemperature", "StorageL2D",
    "Storagetagheating", "Storagetagcooling", "TechWithCapacityNeededToMeetPeakTS",
)  # fmt: skip
"""Parameters that OSeMOSYS_PuLP reads, but that stand in none of its equations."""

UPPER = (
    "TotalAnnualMaxCapacity", "TotalAnnualMaxCapacityInvestment", "TotalTechnologyAnnualActivityUpperLimit",
    "TotalTechnologyModelPeriodActivityUpperLimit", "AnnualEmissionLimit", "ModelPeriodEmissionLimit", "StorageMaxCapacity",
)  # fmt: skip
"""Upper limits: -1 is unlimited."""

MEANINGFUL = (
    "DiscountRate", "DiscountRateStorage", "DepreciationMethod", "OperationalLife", "CapacityToActivityUnit", "ReserveMargin",
    "ResidualStorageCapacity", "StorageMaxChargeRate", "StorageMaxDischargeRate", "OperationalLifeStorage", "DaySplit",
    "DaysInDayType",
)  # fmt: skip
"""Parameters whose default decides something."""

_RESULTS = """
AccumulatedNewCapacity AccumulatedNewStorageCapacity AnnualEmissions AnnualFixedOperatingCost AnnualTechnologyEmission
AnnualTechnologyEmissionByMode AnnualTechnologyEmissionPenaltyByEmission AnnualTechnologyEmissionsPenalty
AnnualVariableOperatingCost CapitalInvestment CapitalInvestmentStorage Demand DiscountedCapitalInvestment
DiscountedCapitalInvestmentStorage DiscountedCostByStorage DiscountedCostByTechnology DiscountedOperationalCost
DiscountedSalvageValue DiscountedSalvageValueStorage DiscountedTechnologyEmissionsPenalty DiscountRateIdvResults
ModelPeriodCostByRegion ModelPeriodEmissions NetChargeWithinDay NetChargeWithinYear NewCapacity NewStorageCapacity
NumberOfNewTechnologyUnits Production ProductionAnnual ProductionByTechnology ProductionByTechnologyAnnual
ProductionByTechnologyByMode RateOfActivity RateOfDemand RateOfProduction RateOfProductionByTechnology
RateOfProductionByTechnologyByMode RateOfStorageCharge RateOfStorageDischarge RateOfTotalActivity RateOfUse
RateOfUseByTechnology RateOfUseByTechnologyByMode SalvageValue SalvageValueStorage StorageLevelDayTypeFinish
StorageLevelDayTypeStart StorageLevelSeasonStart StorageLevelYearFinish StorageLevelYearStart StorageLowerLimit
StorageUpperLimit TotalAnnualTechnologyActivityByMode TotalCapacityAnnual TotalDiscountedCost
TotalDiscountedCostByTechnology TotalDiscountedStorageCost TotalTechnologyAnnualActivity
TotalTechnologyModelPeriodActivity Trade Use UseAnnual UseByTechnology UseByTechnologyAnnual
"""
RESULTS = frozenset(_RESULTS.split())
"""Results that stand beside the inputs in some folders; they are not read."""

_SHEET = 31
SHORT_NAMES = {
    **{name[:_SHEET]: name for name in PARAMETERS if sum(n[:_SHEET] == name[:_SHEET] for n in PARAMETERS) == 1},
    **{
        f"TotalTechnologyModelPeriodAct{end}": f"TotalTechnologyModelPeriodActivity{limit}Limit"
        for end, limit in (("Lo", "Lower"), ("Up", "Upper"), ("LowerLimit", "Lower"), ("UpperLimit", "Upper"))
    },
}
"""Names of parameters as sheets bear them, which hold 31 letters."""


def set_name(word: str) -> str:
    """Return the set that a header means, or the word itself in capitals.

    Examples
    --------
    >>> set_name("Commodity"), set_name("YEAR")
    ('FUEL', 'YEAR')
    """
    name = word.strip().upper()
    return ALIASES.get(name, name)

"""Converts moments between the types of DuckDB and whole numbers since 1970-01-01 UTC: SQL, NULL where they do not fit.

Moments without an offset are UTC. A smaller unit is rounded down, so that every value stays in its second and its day.
"""

from core.spec import PER_SECOND, Unit

TIMES = {"DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"}
TIMES |= {"TIMESTAMPTZ_NS"}  # what pandas writes for moments with a zone
_DAY = 86_400 * PER_SECOND["us"]


def natural_unit(held: str) -> Unit:
    """Returns the unit of the whole numbers for moments of a type."""
    return "ns" if held in ("TIMESTAMP_NS", "TIMESTAMPTZ_NS") else "us"


def whole_number(moment: str, held: str, unit: Unit) -> str:
    """Returns SQL for a moment of type `held` as BIGINT in a unit."""
    if unit == "ns":
        return f"epoch_ns({moment})" if natural_unit(held) == "ns" else f"try({_microseconds(moment, held)} * 1000)"
    return _rounded_down(_microseconds(moment, held), PER_SECOND["us"] // PER_SECOND[unit])


def from_whole_number(number: str, unit: Unit, wanted: str) -> str:
    """Returns SQL for a whole number in a unit as a moment of type `wanted`."""
    if unit == "ns":
        return converted(f"make_timestamp_ns({number})", "TIMESTAMP_NS", wanted)
    return converted(f"try(make_timestamp({number} * {PER_SECOND['us'] // PER_SECOND[unit]}))", "TIMESTAMP", wanted)


def converted(moment: str, held: str, wanted: str) -> str:
    """Returns SQL for a moment of type `held` as type `wanted`; a DATE only from midnight."""
    if held == wanted:
        return moment
    microseconds = _microseconds(moment, held)
    if natural_unit(held) == natural_unit(wanted) == "ns":
        return f"{moment} AT TIME ZONE 'UTC'" if wanted == "TIMESTAMP_NS" else f"{moment}::TIMESTAMPTZ_NS"
    match wanted:
        case "DATE":
            return f"CASE WHEN {microseconds} % {_DAY} = 0 THEN make_timestamp({microseconds})::DATE END"
        case "TIMESTAMP_S" | "TIMESTAMP_MS":
            step = 1_000_000 if wanted == "TIMESTAMP_S" else 1_000
            return f"make_timestamp({_rounded_down(microseconds, step)} * {step})::{wanted}"
        case "TIMESTAMP_NS" | "TIMESTAMPTZ_NS":
            return f"TRY_CAST(make_timestamp({microseconds}) AS {wanted})"
        case "TIMESTAMP WITH TIME ZONE":
            return f"make_timestamp({microseconds}) AT TIME ZONE 'UTC'"
    return f"make_timestamp({microseconds})"


def _microseconds(moment: str, held: str) -> str:
    return f"epoch_us({moment} AT TIME ZONE 'UTC')" if held == "TIMESTAMPTZ_NS" else f"epoch_us({moment})"


def _rounded_down(number: str, step: int) -> str:
    return number if step == 1 else f"({number} - ({number} % {step} + {step}) % {step}) // {step}"

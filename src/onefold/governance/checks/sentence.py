"""What a check asks, as a sentence for people."""

from __future__ import annotations

from decimal import Decimal

from onefold.governance.checks.definition import (
    Check,
    Completeness,
    Distribution,
    Freshness,
    NotNull,
    OneOf,
    Pattern,
    Range,
    Reference,
    RowCount,
    Rule,
    Tolerance,
    TypeIs,
    Unique,
    Value,
    Volume,
)

_UNITS = (("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000))
_VALUES_SHOWN = 6


def sentence(check: Check) -> str:
    """What the check asks of the relation, and how much may break it."""
    allowed = _allowed(check.tolerance)
    return f"{_asked(check)}; {allowed} may fail" if allowed else _asked(check)


def _asked(check: Check) -> str:
    match check.kind:
        case NotNull(columns=columns):
            return f"{_list(columns)} not null"
        case Unique(columns=columns):
            return f"{_list(columns)} unique"
        case TypeIs(column=column, value_type=value_type):
            return f"{column} is {'an' if value_type == 'integer' else 'a'} {value_type}"
        case Range(column=column, low=low, high=high):
            return f"{column} {_bounds(low, high)}"
        case OneOf(column=column, values=values):
            more = f" and {len(values) - _VALUES_SHOWN} more" if len(values) > _VALUES_SHOWN else ""
            return f"{column} is one of {', '.join(map(_value, values[:_VALUES_SHOWN]))}{more}"
        case Pattern(column=column, pattern=pattern):
            return f"{column} matches {pattern}"
        case Reference(columns=columns, relation=relation, found_in=found_in):
            return f"{_list(columns)} found in {relation} ({_list(found_in)})"
        case Completeness(columns=columns, share_min=share_min):
            return f"at least {percent(share_min)} of {_list(columns)} filled"
        case Rule(text=text):
            return text
        case RowCount(rows_min=low, rows_max=high, change_max=change):
            return f"row count {_measure(low, high, change)}"
        case Freshness(column=column, within_us=within_us):
            return f"latest {column} within {duration(within_us)}"
        case Volume(column=column, threshold=threshold):
            return f"rows a day by {column} within {_plain(threshold)} spreads of what is usual"
        case Distribution() as kind:
            what = {"mean": "mean", "share": "share of values", "psi": "stability index"}.get(kind.statistic)
            if what is None:
                what = f"{percent(kind.quantile or Decimal())} quantile"
            return f"{what} of {kind.column} {_measure(kind.low, kind.high, kind.change_max)}"


def duration(us: float) -> str:
    """A length of time in its largest whole unit, such as `36h`."""
    for unit, length in _UNITS:
        if us >= length and (us % length == 0 or us >= 10 * length):
            return f"{us // length:.0f}{unit}"
    return f"{us / 1_000_000:.3g}s"


def percent(share: Decimal) -> str:
    """A share in per cent, exactly."""
    return f"{_plain(share * 100)}%"


def _measure(low: Decimal | int | None, high: Decimal | int | None, change: Decimal | None) -> str:
    parts = [_bounds(low, high)] if low is not None or high is not None else []
    if change is not None:
        parts.append(f"within ±{percent(change)} of the previous run")
    return " and ".join(parts)


def _bounds(low: Value | int | None, high: Value | int | None) -> str:
    if low is not None and high is not None:
        return f"between {_value(low)} and {_value(high)}"
    return f"at least {_value(low)}" if low is not None else f"at most {_value(high)}"


def _value(value: Value | int | None) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _plain(value) if isinstance(value, Decimal) else str(value)


def _plain(number: Decimal) -> str:
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names)


def _allowed(tolerance: Tolerance) -> str:
    if tolerance.share is not None:
        return percent(tolerance.share) if tolerance.share else ""
    return f"{tolerance.rows:,} rows" if tolerance.rows else ""

"""Instants in this machine's time zone."""

from datetime import UTC, date, datetime, time


def to_local(instant: datetime) -> datetime:
    """An instant, or a local time without a zone, in this machine's time zone; as it is where that can't be had."""
    try:
        return instant.astimezone()
    except (ValueError, OverflowError, OSError):  # a nonsensical TZ, or the ends of the calendar
        return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)


def start_of(value: date | datetime) -> datetime:
    """An instant itself, or the first moment of a whole local day."""
    return value if isinstance(value, datetime) else to_local(datetime.combine(value, time.min))

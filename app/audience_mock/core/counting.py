"""Numbers with what they count."""


def counted(count: int, noun: str) -> str:
    """As `1 tenant`, `2 tenants` or `1,000 tenants`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"

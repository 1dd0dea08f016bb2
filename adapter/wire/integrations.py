"""What a sender says about a destination in `integrations`. Pure."""


def is_switched_on(integrations: object, name: str) -> bool | None:
    """Whether the destination `name` is on; None if `integrations` does not say.

    Names are compared without case. `false` and the text "false" switch off, any other value but null switches on. Of
    two entries that differ in case alone, one that switches off is enough.
    """
    if not isinstance(integrations, dict) or not integrations:
        return None
    wanted, said = name.casefold(), None
    for key, value in integrations.items():
        if value is not None and key.casefold() == wanted:
            if is_false(value):
                return False
            said = True
    return said


def is_false(value: object) -> bool:
    """`false`, or a text that says so: some libraries write every value as a text."""
    return value is False or (isinstance(value, str) and value.strip().casefold() == "false")

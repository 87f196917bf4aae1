"""Text that people type into one line."""

from pydantic import StringConstraints


def one_line(max_length: int, min_length: int = 1) -> StringConstraints:
    """No control characters: what is typed here is written into emails, invoices and lists."""
    return StringConstraints(
        strip_whitespace=True, min_length=min_length, max_length=max_length, pattern=r"^[^\x00-\x1f\x7f]*$"
    )

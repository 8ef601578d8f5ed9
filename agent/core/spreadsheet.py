"""Texts in CSV files for spreadsheets."""

# First characters that a spreadsheet takes for a formula; the wide ones in Chinese and Japanese versions
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def cell_text(text: str) -> str:
    """A text that would be taken for a formula begins with a single quote (OWASP, CSV injection)."""
    return f"'{text}" if text.startswith(FORMULA) else text

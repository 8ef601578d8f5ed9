"""Changes keys in the text of a scenario's configuration."""

from __future__ import annotations

import json
import re


def with_key(text: str, key: str, value: str) -> str:
    """The text with this string value wherever `key` is at the beginning of a line."""
    return re.sub(rf"^{key} = .*$", lambda _: f"{key} = {json.dumps(value)}", text, flags=re.MULTILINE)

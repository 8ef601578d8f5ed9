"""Which texts may contain a password: they are never printed or logged."""

from __future__ import annotations

import re

_WORD = r"pass|pwd|secret|token|kennwort|credential|密码"
_KEY = re.compile(rf"{_WORD}|key$", re.IGNORECASE)
_NAMES_A_FILE = ("password_file",)
_LINE = re.compile(rf"{_WORD}|key[\"']?\s*[=:：＝]", re.IGNORECASE)
_LOGIN = re.compile(r"//.*@")


def is_secret(key: str) -> bool:
    """Whether the value of a key may be a secret. key: its last part."""
    return _KEY.search(key) is not None and key not in _NAMES_A_FILE


def may_contain_secret(line: str) -> bool:
    """Whether a line of a file, which need not be valid, may contain a secret."""
    for name in _NAMES_A_FILE:
        line = line.replace(name, "")
    return _LINE.search(line) is not None


def masked(text: str) -> str:
    """The text with user name and password of URLs replaced by ***."""
    return _LOGIN.sub("//***@", text)

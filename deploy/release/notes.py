"""The notes of a release: the section of its version in CHANGELOG.md."""

from __future__ import annotations

import re

# Semantic versioning 2.0.0, without build metadata, which package names cannot have.
SEMANTIC = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?")
HEADING = re.compile(r"^## \[(?P<version>[^\]]+)\](?P<rest>.*)$", re.MULTILINE)
DATE = re.compile(r" - \d{4}-\d\d-\d\d\s*")


class NotesError(ValueError):
    """The version, or its section in the changelog, is not fit for a release."""


def release_notes(changelog: str, version: str) -> str:
    """The section `## [version] - date` with its heading as Markdown. Raises NotesError."""
    if not SEMANTIC.fullmatch(version):
        raise NotesError(f"{version} is not a semantic version, such as 1.2.0")
    headings = list(HEADING.finditer(changelog))
    found = [index for index, heading in enumerate(headings) if heading["version"] == version]
    if len(found) != 1:
        raise NotesError(f"CHANGELOG.md has {len(found)} sections `## [{version}] - YYYY-MM-DD`, expected one")
    (index,) = found
    if not DATE.fullmatch(headings[index]["rest"]):
        raise NotesError(f"CHANGELOG.md: the section of {version} needs its date: `## [{version}] - YYYY-MM-DD`")
    end = headings[index + 1].start() if index + 1 < len(headings) else len(changelog)
    body = changelog[headings[index].end() : end].strip()
    if not body:
        raise NotesError(f"CHANGELOG.md: the section of {version} is empty")
    return f"# magwatt {version}\n\n{body}\n"

"""Suggestions for misspelled names."""

from __future__ import annotations

import pytest

from drivers.file_reasons import DID_YOU_MEAN, KEY_UNKNOWN, with_suggestion

KNOWN = ("profile", "poll_interval")


@pytest.mark.text
def test_a_similar_name_is_suggested() -> None:
    found = with_suggestion(KEY_UNKNOWN(), "profil", KNOWN)
    assert found == DID_YOU_MEAN(problem=KEY_UNKNOWN(), near="profile")
    assert str(found) == "unknown key; did you mean 'profile'?"


def test_a_key_in_capitals_is_similar() -> None:
    assert with_suggestion(KEY_UNKNOWN(), "kW", ("kw", "rpm")) == DID_YOU_MEAN(problem=KEY_UNKNOWN(), near="kw")


@pytest.mark.parametrize("word", ["", "zzz", 0.5, None, ["profile"], pytest.param(10**5000, id="5001 digits")])
def test_without_a_similar_name_the_problem_is_unchanged(word: object) -> None:
    assert with_suggestion(KEY_UNKNOWN(), word, KNOWN) == KEY_UNKNOWN()

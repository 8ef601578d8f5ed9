"""A draft takes what the configuration states; the rest is to be decided."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.config_text import at_input, bus, drive, load_all, magnet, site

from agent.config.topology import assets
from agent.contract.drafting import draft_of

CERTIFICATE = '{ number = "%s", laboratory = "省计量院", issued = %s, valid_until = 2032-02-29 }'


def meter(folder: Path, *lines: str) -> tuple[dict[str, Any], set[str]]:
    """The meter of a draft, and the keys to decide in it."""
    text = site() + bus() + at_input("m", ct="150/5", ct_class="0.5") + "".join(f"{line}\n" for line in lines)
    config = load_all(folder, text + drive("d", "m") + magnet("p", "d"))[0]
    draft = draft_of(config, [(asset, None) for asset in assets(config) if asset.motor], "", 0)
    head = "motor.p.meter."
    return draft.document["motor"]["p"]["meter"], {key.removeprefix(head) for key in draft.to_decide if head in key}


def test_certificates_of_the_configuration_are_in_the_draft(tmp_path: Path) -> None:
    old, new = CERTIFICATE % ("E1", "2026-03-01"), CERTIFICATE % ("E2", "2026-05-01")
    found, open_keys = meter(tmp_path, f"certificate = [{new}, {old}]", f"ct_certificate = {old}")
    stated = {"number": "E2", "laboratory": "省计量院", "issued": "2026-05-01", "valid_until": "2032-02-29"}
    assert found["certificate"] == stated
    assert found["ct_certificate"] == stated | {"number": "E1", "issued": "2026-03-01"}
    assert "vt_certificate" not in found
    assert open_keys == {"serial_number"}


def test_what_is_not_stated_is_to_be_decided(tmp_path: Path) -> None:
    found, open_keys = meter(tmp_path, 'certificate = "4711"')
    assert found["certificate"] == {"number": "4711", "laboratory": "", "issued": "", "valid_until": ""}
    of_ct = {f"ct_certificate.{key}" for key in ("number", "laboratory", "issued", "valid_until")}
    assert open_keys == {"serial_number", *of_ct} | {
        f"certificate.{key}" for key in ("laboratory", "issued", "valid_until")
    }

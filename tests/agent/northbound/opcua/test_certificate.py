"""The certificate of the server: made once, private, and rejected when it does not fit."""

from __future__ import annotations

import datetime
import stat
from pathlib import Path

import pytest
from cryptography import x509

from agent.northbound.opcua import certificate
from agent.northbound.opcua.certificate import application_uri, identity
from drivers.reasons import InvalidValue


def test_it_is_made_once_with_a_private_key(tmp_path: Path) -> None:
    first = identity(tmp_path / "pki", "192.0.2.7")
    assert stat.S_IMODE(first.key.stat().st_mode) == 0o600
    found = x509.load_pem_x509_certificate(first.certificate.read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    (uri,) = names.get_values_for_type(x509.UniformResourceIdentifier)
    assert uri.startswith("urn:")
    assert application_uri(uri.split(":")[1]) == uri
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.7"]
    assert identity(tmp_path / "pki", "192.0.2.8") == first, "clients trust this one"
    assert first.reminder(first.ends - datetime.timedelta(days=61)) is None
    reminder = first.reminder(first.ends - datetime.timedelta(days=30))
    assert reminder is not None
    assert reminder.data["days"] == 30


@pytest.fixture(autouse=True)
def _short_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of the processor time; what is tested does not depend on the length."""
    monkeypatch.setattr(certificate, "KEY_BITS", 1024)


@pytest.mark.parametrize("damage", ["key", "certificate", "other key"])
def test_files_that_do_not_fit_are_named(tmp_path: Path, damage: str) -> None:
    made = identity(tmp_path, "localhost")
    if damage == "other key":
        made.key.write_bytes(identity(tmp_path / "other", "localhost").key.read_bytes())
    else:
        (made.key if damage == "key" else made.certificate).write_text("nothing")
    with pytest.raises(InvalidValue) as failed:
        identity(tmp_path, "localhost")
    assert failed.value.reason.code == "opcua_certificate_unusable"
    assert failed.value.reason.data["path"] == str(tmp_path)

"""The certificates of the databases: one small, valid file for each region."""

import re
import ssl
from pathlib import Path

import pytest

from infra import certificates as tool
from infra.certificates import FOLDER, by_region, check_region, common_name, is_valid
from infra.settings import SettingsError

FILES = sorted(FOLDER.glob("*.pem"))


def certificates(text: str) -> list[str]:
    return re.findall(r"-----BEGIN CERTIFICATE-----\n.*?-----END CERTIFICATE-----\n", text, re.DOTALL)


def test_the_regions_are_there() -> None:
    assert {"eu-west-1", "af-south-1", "us-east-1", "eu-central-1"} <= {file.stem for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_region_has_its_three_roots(file: Path) -> None:
    found = certificates(file.read_text())
    assert len(found) == 3
    for certificate in found:
        assert common_name(certificate).startswith(f"Amazon RDS {file.stem} Root CA")
        assert is_valid(certificate)


def test_the_host_name_is_verified_too() -> None:
    context = ssl.create_default_context(cafile=FOLDER / "eu-west-1.pem")
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert len(context.get_ca_certs()) == 3  # and none of the machine's own


def test_the_regions_are_read_out_of_the_packages_javascript() -> None:
    pem = certificates((FOLDER / "eu-west-1.pem").read_text())[0]
    lines = " +\n        ".join(f"'{line}\\n'" for line in pem.splitlines())
    assert by_region(f"exports.defaults = [\n    {lines},\n];\n") == {"eu-west-1": [pem]}


def test_a_region_without_certificates_is_refused_with_what_to_do() -> None:
    for region in ("eu-west-1", "af-south-1", None):
        check_region(region)
    with pytest.raises(SettingsError, match=r"il-central-1.*make certificates ARGS=global-bundle.pem"):
        check_region("il-central-1")


def test_aws_s_own_bundle_adds_a_region(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = tmp_path / "global-bundle.pem"
    bundle.write_text((FOLDER / "eu-west-1.pem").read_text() + (FOLDER / "af-south-1.pem").read_text())
    monkeypatch.setattr(tool, "FOLDER", tmp_path)
    with pytest.raises(SettingsError):
        check_region("af-south-1")
    tool.main(bundle)
    check_region("af-south-1")
    assert (tmp_path / "eu-west-1.pem").read_text() == (FOLDER / "eu-west-1.pem").read_text()

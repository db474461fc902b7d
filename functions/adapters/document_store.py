"""Documents in S3, encrypted and private; inside the VPC through the gateway endpoint."""

import os
from urllib.parse import quote

from functions.adapters import aws
from functions.adapters.aws import AwsClient

TIMEOUT = (1.0, 5.0)  # connect, read; seconds
GET_TIMEOUT = (1.0, 2.0)  # twice, in the middle of sending a reply


class DocumentStore:
    """One bucket."""

    def __init__(self, client: AwsClient, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, key: str, body: bytes, content_type: str) -> None:
        """Store one object; raises AwsError."""
        self._client.call("PUT", self._url(key), "s3", body, {"content-type": content_type}, timeout=TIMEOUT)

    def get(self, key: str) -> bytes:
        """The bytes of one object; raises AwsError, with code NoSuchKey where there is none."""
        return self._client.call("GET", self._url(key), "s3", timeout=GET_TIMEOUT).content

    def _url(self, key: str) -> str:
        if base := os.environ.get("AWS_ENDPOINT_URL_S3"):
            return f"{base}/{self._bucket}/{quote(key)}"
        return f"https://{self._bucket}.s3.{aws.region()}.amazonaws.com/{quote(key)}"

"""Documents in S3, encrypted and private; through the gateway endpoint inside the VPC, directly outside."""

import os
from urllib.parse import quote

from functions.adapters import aws


def put(bucket: str, key: str, body: bytes, content_type: str) -> None:
    """Store one object; raises AwsError."""
    aws.call("PUT", _url(bucket, key), "s3", body, {"content-type": content_type}, timeout=(1.0, 5.0))


def get(bucket: str, key: str) -> bytes:
    """The bytes of one object; raises AwsError, with code NoSuchKey where there is none."""
    return aws.call("GET", _url(bucket, key), "s3", timeout=(1.0, 5.0)).content


def _url(bucket: str, key: str) -> str:
    if base := os.environ.get("AWS_ENDPOINT_URL_S3"):
        return f"{base}/{bucket}/{quote(key)}"
    return f"https://{bucket}.s3.{aws.region()}.amazonaws.com/{quote(key)}"

"""Documents by key, against an emulated bucket."""

import pytest

from functions import dependencies
from functions.adapters.aws import AwsClient, AwsError
from functions.adapters.document_store import TIMEOUT, DocumentStore
from local.plan import BUCKET
from tests.conftest import Aws


def test_document_is_stored_and_read_back(aws: Aws) -> None:
    documents = DocumentStore(dependencies.aws(), BUCKET)
    documents.put("passes/GP 1+ä.pdf", b"%PDF-1", "application/pdf")
    assert documents.get("passes/GP 1+ä.pdf") == b"%PDF-1"
    assert aws.files() == {"passes/GP 1+ä.pdf": b"%PDF-1"}
    assert aws.s3.head_object(Bucket=BUCKET, Key="passes/GP 1+ä.pdf")["ContentType"] == "application/pdf"


def test_missing_document_raises_its_code(aws: Aws) -> None:
    with pytest.raises(AwsError) as missing:
        DocumentStore(dependencies.aws(), BUCKET).get("passes/none.pdf")
    assert missing.value.code == "NoSuchKey"


def test_without_an_endpoint_the_regional_bucket_is_called(environment: pytest.MonkeyPatch) -> None:
    called: list[tuple[object, ...]] = []
    environment.delenv("AWS_ENDPOINT_URL_S3")
    environment.setattr(AwsClient, "call", lambda self, *arguments, timeout: called.append((*arguments, timeout)))
    DocumentStore(dependencies.aws(), "files").put("passes/GP 1.pdf", b"%PDF-1", "application/pdf")
    url = "https://files.s3.eu-west-1.amazonaws.com/passes/GP%201.pdf"
    assert called == [("PUT", url, "s3", b"%PDF-1", {"content-type": "application/pdf"}, TIMEOUT)]

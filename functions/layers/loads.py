"""Loads from the layers what the functions load, so that `make lock` can see which modules are worth byte code.

A layer with byte code for all of its modules is a third larger, and most of them are never imported.
"""

import contextlib
from pathlib import Path


def core() -> None:
    """The school's API, the cache, the database, secrets, logs and metrics; not Alembic, which no parent waits for."""
    import phonenumbers
    import redis
    import redis.cluster
    import requests
    import sqlalchemy
    import sqlalchemy.dialects.postgresql
    import sqlalchemy.exc
    import sqlalchemy.orm
    from aws_lambda_powertools import Logger, Metrics
    from aws_lambda_powertools.utilities import batch
    from aws_lambda_powertools.utilities.data_classes import sqs_event  # noqa: F401

    nowhere = "127.0.0.1:1"
    phonenumbers.is_valid_number(phonenumbers.parse("0771234567", "ZW"))
    with contextlib.suppress(requests.RequestException):
        requests.Session().get(f"http://{nowhere}", timeout=1)
    with contextlib.suppress(redis.exceptions.RedisError):
        redis.Redis(host="127.0.0.1", port=1).get("key")
    with contextlib.suppress(redis.exceptions.RedisClusterException):
        redis.cluster.RedisCluster(host="127.0.0.1", port=1)
    with contextlib.suppress(sqlalchemy.exc.SQLAlchemyError):
        sqlalchemy.create_engine(f"postgresql+pg8000://nobody@{nowhere}/none").connect()
    Logger(service="loads").debug("first use")
    Metrics(namespace="Loads", service="loads")
    batch.BatchProcessor(batch.EventType.SQS)


def ai() -> None:
    """One question to OpenAI's Responses API."""
    import openai

    client = openai.OpenAI(api_key="none", base_url="http://127.0.0.1:1", timeout=1, max_retries=0)
    with contextlib.suppress(openai.OpenAIError):
        client.responses.create(model="none", input="none")


def graph() -> None:
    """One question to the gateway, from a school that does not answer."""
    import os
    import time

    from functions import dependencies
    from functions.adapters.graphql.figures import Figures
    from functions.adapters.graphql.schema import answer

    os.environ |= {"SCHOOL_API_URL": "http://127.0.0.1:1", "SCHOOL_API_KEY_NAME": "none"}
    query = '{ student(id: "none") { statement(term: "none") { balance charges { date } } } _service { sdl } }'
    answer({"query": query}, Figures(dependencies.school_api_for_graph(), time.monotonic()))


def pdf() -> None:
    """One page with text, a line, an embedded font and the matrix of a QR code."""
    import io

    import qrcode
    from reportlab.pdfbase import pdfmetrics, ttfonts
    from reportlab.pdfgen import canvas

    code = qrcode.QRCode()
    code.add_data("https://example.org")
    code.get_matrix()
    font_file = next(Path(__file__).parents[1].glob("adapters/documents/fonts/*.ttf"))
    pdfmetrics.registerFont(ttfonts.TTFont("Embedded", font_file))
    page = canvas.Canvas(io.BytesIO())
    for font in ("Embedded", "Helvetica", "Helvetica-Bold"):
        page.setFont(font, 12)
        page.drawString(72, 72, "first use")
    page.save()

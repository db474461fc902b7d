"""`pay`: book a payment at the simulated school, which announces it to the product."""

import argparse
from typing import Final

from rich.console import Console

from local.cli import chat
from local.payments import book_payment
from local.stack_client import StackClient

NAME: Final = "pay"
HELP: Final = "book a payment at the school, which tells the product"
RECEIPT_SECONDS: Final = 15  # to wait for the receipt


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("student", metavar="STUDENT", help="the student's id")
    parser.add_argument("amount", help="in dollars")
    parser.add_argument("--term", help="the current one unless given")


def run(arguments: argparse.Namespace, console: Console) -> int:
    running = StackClient.find(arguments.folder)
    event = book_payment(running, arguments.student, arguments.amount, arguments.term)
    console.print(f"Booked, and the payment notice was accepted (event {event}).")
    receipts = running.world("GET", "/outbox", timeout=30, wait=RECEIPT_SECONDS, in_reply_to=f"payment:{event}:")
    for receipt in receipts[:1]:
        console.print(chat.reply_bubble(receipt))
    if not receipts:
        console.print("Nobody got a receipt: no parent of this child has written within 24 hours.")
    return 0

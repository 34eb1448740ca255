"""The server's log never says what somebody said, and never holds up the chat."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("on_terminal", [False, True])
def test_a_traceback_in_the_log_holds_no_text_of_a_message(on_terminal: bool) -> None:
    """The locals of a handler that fails are what somebody said."""
    program = f"""
import sys, structlog
from trio_chat.logs import logging_to_stderr
sys.stderr.isatty = lambda: {on_terminal}
def handler(text):
    raise ZeroDivisionError
try:
    handler("a private" + " text")
except ZeroDivisionError:
    with logging_to_stderr():
        structlog.get_logger().exception("session failed")
"""
    logged = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True).stderr
    assert "ZeroDivisionError" in logged
    assert "handler" in logged
    assert "a private text" not in logged


def test_a_log_that_nobody_reads_stops_nothing() -> None:
    """A pipe holds 64 KiB; this is a hundred times as much, and then the program ends."""
    program = """
import structlog
from trio_chat.logs import logging_to_stderr
with logging_to_stderr():
    for number in range(10_000):
        structlog.get_logger().info("x" * 600)
print("went on")
"""
    reader, writer = os.pipe()
    try:
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, check=True, stderr=writer, stdout=subprocess.PIPE, timeout=60)
    finally:
        os.close(writer)
        os.close(reader)
    assert done.stdout == b"went on\n"

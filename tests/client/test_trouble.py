"""What a refused login means: which ends the client, which wants another name, which is tried again."""

import pytest

import wire
from client_repl.connection import trouble
from client_repl.connection.trouble import Retry

C = wire.Code
FOR_GOOD = [
    C.BANNED,
    C.INVITE_NEEDED,
    C.INVITE_INVALID,
    C.INVITE_EXPIRED,
    C.INVITE_USED,
    C.LINK_INVALID,
    C.LINK_EXPIRED,
    C.LINK_USED,
    C.ACCESS_INVALID,
]


@pytest.mark.parametrize("code", FOR_GOOD)
@pytest.mark.parametrize("retry_after", [0, 1000])
def test_what_no_waiting_mends_ends_the_client(code: wire.Code, retry_after: int) -> None:
    problem = trouble.refused(wire.Refused(1, code, "Not you.", retry_after=retry_after))
    assert problem.retry is Retry.NO
    assert problem.text.startswith("Not you.")


@pytest.mark.parametrize("code", [C.SERVER_FULL, C.TOO_MANY_CONNECTIONS, C.RATE_LIMITED, C.UNAVAILABLE])
def test_what_may_be_gone_is_tried_again(code: wire.Code) -> None:
    assert trouble.refused(wire.Refused(1, code)).retry is Retry.YES


@pytest.mark.parametrize("code", [C.TOO_MANY_NAMES, C.NOT_APPROVED, "of-tomorrow"])
def test_the_server_may_say_when_to_come_back(code: str) -> None:
    assert trouble.refused(wire.Refused(1, code)).retry is Retry.NO
    problem = trouble.refused(wire.Refused(1, code, retry_after=3_600_000))
    assert (problem.retry, problem.retry_after) == (Retry.YES, 3600.0)


def test_a_name_that_looks_like_another_ones_is_asked_for_anew() -> None:
    assert {code for code in C if code.startswith("name-")} == trouble.NAME_CODES


def test_a_proof_that_does_not_fit_may_have_been_made_for_somebody_between() -> None:
    problem = trouble.refused(wire.Refused(1, C.BAD_PROOF, "The signature does not fit."))
    assert problem.retry is Retry.NO
    assert problem.text.startswith("The signature does not fit. ")
    assert "between you and the server" in problem.text

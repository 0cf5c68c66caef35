"""Patience with a gateway that is away: in a replay a request that fails is made again, and no time passes meanwhile.

Freqtrade gives a request up after a few tries and goes on without what it asked for. On a real exchange that is right;
in a replay it would be a look that the next run of the same replay does not miss. So the libraries by which it asks
wait.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import aiohttp
import requests


def be_patient(wait_for_gateway: Callable[[], None]) -> None:
    """Let requests and aiohttp ask again whatever the gateway did not answer, once it is back.

    ``wait_for_gateway`` returns when it answers and knows what time it is.
    """
    send = requests.Session.send
    request = aiohttp.ClientSession._request  # noqa: SLF001  the one way that all of its requests go

    def patient_send(session: requests.Session, prepared: Any, **options: Any) -> requests.Response:
        while True:
            try:
                response = send(session, prepared, **options)
            except (requests.ConnectionError, requests.Timeout):
                wait_for_gateway()
                continue
            if response.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                return response
            wait_for_gateway()

    async def patient_request(session: aiohttp.ClientSession, *what: Any, **options: Any) -> aiohttp.ClientResponse:
        while True:
            try:
                response = await request(session, *what, **options)
                await response.read()  # a body that breaks off is asked for again, too
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError):
                wait_for_gateway()  # nothing else is to be done meanwhile: the loop may stand
                continue
            if response.status != HTTPStatus.SERVICE_UNAVAILABLE:
                return response
            wait_for_gateway()

    of_requests: Any = requests.Session
    of_aiohttp: Any = aiohttp.ClientSession
    of_requests.send = patient_send
    of_aiohttp._request = patient_request  # noqa: SLF001  as above

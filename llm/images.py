"""A port to image models, off unless one is configured; what it costs comes out of the run's purse."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from domain.errors import BadInput, ParleyError, Unavailable, Unprocessable
from llm.purse import Purse

if TYPE_CHECKING:
    import openai

#: Sides of a picture that is asked for; layouts cut it to their own shape.
SIZE = "1536x1024"
_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Painted:
    """What a model painted.

    Attributes:
        data: PNG; untrusted like anything a model gives.
        model: Which one.
    """

    data: bytes
    model: str


class ImageModel(Protocol):
    """Paints pictures from words."""

    async def paint(self, prompt: str) -> Painted:
        """Return a picture.

        Raises:
            ParleyError: if there is none to be had; nothing has been paid then.
        """
        ...


class OpenAIImages:
    """Image models behind the OpenAI images API.

    Args:
        model: Its name, without the provider.
        purse: Pays; the most a picture can cost is set aside before it is asked for.
        price_micros: That price, in micros of a US dollar.
        client: Default: one that reads OPENAI_API_KEY.
    """

    def __init__(
        self,
        model: str,
        purse: Purse,
        price_micros: int,
        client: openai.AsyncOpenAI | None = None,
    ) -> None:
        self._model = model
        self._purse = purse
        self._price = price_micros
        self._client = client

    async def paint(self, prompt: str) -> Painted:
        """Return a picture.

        Raises:
            BudgetExceeded: if it could cost more than is left.
            Unavailable: `image_model_unavailable`.
            Unprocessable: `image_model_refused` if the model does not paint that.
        """
        hold = await self._purse.reserve(self._price)
        try:
            data = await self._ask(prompt)
        except ParleyError:
            await self._purse.settle(hold, 0)
            raise
        await self._purse.settle(hold, self._price)
        return Painted(data, f"openai:{self._model}")

    async def _ask(self, prompt: str) -> bytes:
        # Half a second of start-up that only installations with an image model should pay.
        import openai  # noqa: PLC0415

        try:
            client = self._client or openai.AsyncOpenAI(timeout=_TIMEOUT_S, max_retries=1)
            answer = await client.images.generate(
                model=self._model, prompt=prompt, size=SIZE, n=1, output_format="png"
            )
            encoded = answer.data[0].b64_json if answer.data else None
            return base64.b64decode(encoded or "", validate=True) or _nothing()
        except openai.BadRequestError as error:
            raise Unprocessable(
                "image_model_refused", "The image model does not paint that; shapes are used."
            ) from error
        except (openai.OpenAIError, binascii.Error) as error:
            raise Unavailable(
                "image_model_unavailable", "The image model gave no picture; shapes are used."
            ) from error


def image_model(spec: str, purse: Purse, price_micros: int) -> ImageModel | None:
    """Return the configured model, None if pictures are painted by rules alone.

    Args:
        spec: `openai:<model>`, or empty.
        purse: Pays.
        price_micros: The most a picture costs, in micros of a US dollar.

    Raises:
        BadInput: `image_model` if the spec is not understood.
    """
    if not spec or spec == "offline":
        return None
    provider, _, name = spec.partition(":")
    if provider != "openai" or not name:
        raise BadInput("image_model", f"{spec!r} names no image model; write openai:<model>.")
    return OpenAIImages(name, purse, price_micros)


def _nothing() -> bytes:
    raise binascii.Error("empty")

"""Reads prompt files and fills them in without letting inputs break out of their section."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

import yaml

from domain.errors import BadInput, NotFound

_NAME = re.compile(r"[a-z][a-z0-9_]*(?:/[a-z][a-z0-9_]*)+")
_FRONT = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.DOTALL)
_SLOT = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")
_TAG = re.compile(r"<([a-z_]+)(?:\s[^<>]*)?>")


@dataclass(frozen=True)
class Prompt:
    """One version of a prompt.

    Attributes:
        name: `agent/name`, as in its file path.
        text: The body, with `{{input}}` slots.
        version: Version in the front matter; raised with every change of meaning.
        inputs: Names of the slots.
        owner: The agent that uses it.
        hash: SHA-256 of the whole file, hexadecimal.
    """

    name: str
    text: str
    version: int
    inputs: tuple[str, ...]
    owner: str
    hash: str

    def render(self, **inputs: str) -> str:
        """Fill in every slot.

        Tags that the prompt itself uses (`<goal>`, `</goal>`) are escaped in the inputs, and slots in the
        inputs are not filled in, so that an input stays inside its section whatever it says.

        Raises:
            BadInput: `prompt_inputs` if an input is missing or unknown.
        """
        missing = sorted(set(self.inputs) - set(inputs))
        unknown = sorted(set(inputs) - set(self.inputs))
        if missing or unknown:
            raise BadInput(
                "prompt_inputs",
                f"Prompt {self.name} needs {', '.join(self.inputs) or 'no inputs'};"
                f" missing: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}.",
            )
        tags = "|".join(sorted(set(_TAG.findall(self.text)))) or "(?!)"
        opening = re.compile(rf"<(?=\s*/?\s*(?:{tags})\b)", re.IGNORECASE)
        return _SLOT.sub(lambda slot: opening.sub("&lt;", str(inputs[slot[1]])), self.text)


@cache
def load(name: str) -> Prompt:
    """Return a prompt by its path below `prompts/`, without the ending: `ad_manager/brief`.

    Raises:
        NotFound: `prompt_not_found` if there is no such file.
        BadInput: `prompt_broken` if its front matter does not match its slots.
    """
    path = resources.files(__package__).joinpath(*f"{name}.md".split("/"))
    if not _NAME.fullmatch(name) or not path.is_file():
        raise NotFound("prompt_not_found", f"There is no prompt named {name!r}.")
    return parse(name, path.read_text("utf-8"))


def parse(name: str, source: str) -> Prompt:
    """Build a prompt from the text of its file.

    Raises:
        BadInput: `prompt_broken`.
    """
    match = _FRONT.match(source)
    front = yaml.safe_load(match[1]) if match else None
    if (
        match is None
        or not isinstance(front, dict)
        or not {"version", "inputs", "owner"} <= set(front)
    ):
        raise BadInput(
            "prompt_broken", f"Prompt {name} needs front matter with version, inputs and owner."
        )
    inputs = tuple(str(key) for key in front["inputs"] or ())
    slots = set(_SLOT.findall(match[2]))
    if slots != set(inputs):
        odd = ", ".join(sorted(slots ^ set(inputs)))
        raise BadInput("prompt_broken", f"Slots and inputs of prompt {name} differ in: {odd}.")
    return Prompt(
        name=name,
        text=match[2].strip(),
        version=int(front["version"]),
        inputs=inputs,
        owner=str(front["owner"]),
        hash=hashlib.sha256(source.encode()).hexdigest(),
    )

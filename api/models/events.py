"""Events on the wire of the Ceed web SDK."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from api.models.common import Line, Out
from domain.errors import Unprocessable
from domain.formats import EventType

#: Field names that announce a person's data; compared in lower case without separators.
PERSONAL = frozenset(
    [
        "email", "mail", "emailaddress", "phone", "phonenumber", "tel", "name", "fullname",
        "firstname", "lastname", "address", "birthday", "birthdate", "dateofbirth", "value", "message",
        "contact", "lead", "form", "formdata", "submittedemail", "text", "contexttext",
    ]
)  # fmt: skip
Token = Annotated[str, Field(min_length=1, max_length=600)]
Name = Annotated[Line, Field(min_length=1, max_length=200)]


class RenderBody(BaseModel):
    """What the host put on the screen, held against the signed receipt."""

    model_config = ConfigDict(extra="ignore")

    receipt: Annotated[str, Field(min_length=1, max_length=4_000)] = Field(
        description="As answered with the ad."
    )
    label: Name = Field(description="The word beside the ad, as shown.")
    payer: Name = Field(description="Who pays, as shown.")


class EventBody(BaseModel):
    """Something that happened to an ad that was shown."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="ignore",
        json_schema_extra={
            "examples": [
                {
                    "type": "click",
                    "requestId": "req_01JD3ZK5W8Q4V6X7Y9A2B3C4D5~bm9uY2U",
                    "adId": "ad_01JD3ZK5W8Q4V6X7Y9A2B3C4D5",
                    "appId": "app_01JD3ZK5W8Q4V6X7Y9A2B3C4D5",
                    "eventId": "click-1",
                }
            ]
        },
    )

    type: EventType
    request_id: Token = Field(description="As answered by POST /api/requests.")
    ad_id: Name
    app_id: Name
    advertiser_id: Name | None = None
    nonce: Token | None = Field(None, description="Only if requestId was sent without it.")
    event_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,100}$")] | None = Field(
        None, description="The same event id again counts once; default: one per ad and type."
    )
    render: RenderBody | None = Field(
        None,
        description="With an impression: what was shown. An ad shown otherwise does not count.",
    )
    conversation_id: Name | None = Field(None, description="Accepted, not kept.")
    user_id: Name | None = Field(None, description="Accepted, not kept.")

    @model_validator(mode="before")
    @classmethod
    def _no_personal_data(cls, data: Any) -> Any:
        names = data if isinstance(data, dict) else {}
        found = sorted(k for k in names if _squeeze(k) in PERSONAL)
        if found:
            raise Unprocessable(
                "personal_data_refused",
                f"Parley keeps no personal data: send the event without {', '.join(found)[:200]} "
                "and pass the form on to the advertiser yourself.",
            )
        return data


class EventOut(Out):
    """What came of an event."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    success: bool = True
    event_id: str
    duplicate: bool = Field(description="True if it was known already; nothing was counted again.")
    charged: bool = Field(description="Whether the advertiser was charged for it.")


def _squeeze(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())

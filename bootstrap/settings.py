"""Settings: one model, filled from the environment, whether the parts are embedded or in production."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from auction.types import Rule
from domain.errors import Unprocessable


class Settings(BaseModel):
    """Everything that differs between two installations.

    Each field is read from the environment variable of the same name in upper case.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    database_url: str = Field(description="postgresql://… of the login role")
    admin_database_url: str | None = Field(
        None, description="a role that may migrate; default: same"
    )
    redis_url: str = Field(description="redis://… for state and streams")
    broker_url: str | None = Field(
        None, description="redis://… for Celery; default: same server, db 1"
    )
    s3_endpoint: str
    s3_access_key: SecretStr
    s3_secret_key: SecretStr
    s3_bucket: str = "parley"
    s3_region: str = "us-east-1"

    parley_home: Path = Path(".parley")
    parley_secret_key: SecretStr = Field(description="at least 32 random characters; signs offers")
    parley_env: str = "development"
    parley_host: str = "127.0.0.1"
    parley_port: int = 8484
    parley_llm: str = Field(
        "offline", description="offline, or openai:…, anthropic:…, xai:…; several with commas"
    )
    parley_llm_policy: Literal["quality", "cost", "latency"] = "quality"
    parley_llm_timeout_s: float = 60.0
    parley_llm_deadline_s: float = Field(120.0, description="for an answer, retries included")
    parley_llm_max_output: int = Field(8_192, ge=1, description="most tokens of an answer")
    parley_llm_run_budget: int = Field(
        2_000_000, ge=0, description="most a run may spend on models, in micros of a US dollar"
    )
    parley_llm_daily_cap: int = Field(
        20_000_000, ge=0, description="the same for an organisation in a UTC day"
    )
    parley_llm_table: Path | None = Field(
        None, description="YAML with models and prices of one's own"
    )
    parley_image_model: str = Field(
        "", description="openai:…; paints backgrounds; empty: pictures are made by rules alone"
    )
    parley_image_price: int = Field(
        250_000, ge=0, description="the most one picture of it costs, in micros of a US dollar"
    )
    parley_c2pa_chain: Path | None = Field(
        None, description="PEM of the certificates that sign content; default: a development one"
    )
    parley_c2pa_key: Path | None = Field(None, description="PEM of the key of the first of them")
    parley_trace: bool = Field(False, description="tell LangSmith about calls of models")
    parley_trace_text: bool = Field(False, description="send it questions and answers as well")
    parley_trace_project: str = "parley"
    parley_embedder: Literal["local", "cohere"] = Field(
        "local", description="who embeds knowledge; cohere needs COHERE_API_KEY and pinecone"
    )
    parley_reranker: Literal["rules", "cohere"] = Field(
        "rules", description="who reranks what is found; cohere needs COHERE_API_KEY"
    )
    parley_vectors: Literal["postgres", "pinecone"] = Field(
        "postgres", description="where vectors are kept; pinecone needs PINECONE_API_KEY and _HOST"
    )
    cohere_api_key: SecretStr | None = None
    cohere_url: str = "https://api.cohere.com"
    cohere_rerank_model: str = "rerank-v3.5"
    cohere_embed_model: str = "embed-v4.0"
    pinecone_api_key: SecretStr | None = None
    pinecone_host: str | None = Field(
        None, description="https://… of the index's data plane; as wide as the embedder's vectors"
    )
    linkedin_url: str = Field("https://api.linkedin.com", description="where lead forms are read")
    parley_optimise_hour: int = Field(
        4, ge=-1, le=23, description="UTC hour of the daily optimisation runs; -1: none"
    )
    parley_lease_s: int = Field(20, ge=3, description="how long a dead worker's run stays locked")
    serving_state: Literal["redis", "local"] = Field(
        "redis", description="local: in the one process that serves, journalled on its disk"
    )
    free_per_day: int = 1_000
    pro_per_day: int = 100_000
    charge_rule: Rule = Field(
        Rule.GSP, description="gsp or vcg; what the other would charge is logged beside it"
    )

    render_ack: Literal["optional", "required"] = Field(
        "optional",
        description="required: an impression counts only with the receipt and label that were shown",
    )

    v2_enabled: bool = True
    v2_app_ids: str = ""
    v2_percentage: int = Field(100, ge=0, le=100)

    @field_validator("parley_secret_key")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < 32:
            raise ValueError("must have at least 32 characters")
        return value

    @cached_property
    def migration_url(self) -> str:
        """The URL that migrations use."""
        return self.admin_database_url or self.database_url

    @cached_property
    def celery_broker(self) -> str:
        """The URL that Celery uses."""
        if self.broker_url:
            return self.broker_url
        base, _, db = self.redis_url.rpartition("/")
        return (
            f"{base}/{int(db) + 1}"
            if base.count("/") >= 2 and db.isdigit()
            else f"{self.redis_url}/1"
        )

    @property
    def database_login(self) -> str:
        """The role that the service logs in with."""
        return urlsplit(self.database_url).username or ""

    def as_env(self) -> dict[str, str]:
        """Return the environment that loads into these settings again."""
        values = self.model_dump(exclude_none=True)
        return {
            name.upper(): value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            for name, value in values.items()
        }

    def key(self, purpose: str) -> bytes:
        """Return 32 bytes for one purpose (`nonce`, `receipt`), derived from the secret key."""
        return hashlib.blake2b(
            purpose.encode(),
            key=self.parley_secret_key.get_secret_value().encode()[:64],
            digest_size=32,
        ).digest()


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Args:
        environ: Variables to read instead of the process's own.

    Raises:
        Unprocessable: naming the variables that are missing or wrong.
    """
    values = os.environ if environ is None else environ
    known = {name: values[name.upper()] for name in Settings.model_fields if name.upper() in values}
    try:
        return Settings.model_validate(known)
    except ValidationError as error:
        wrong = sorted({str(problem["loc"][0]).upper() for problem in error.errors()})
        raise Unprocessable(
            "settings", f"Set these environment variables (or run `parley up`): {', '.join(wrong)}."
        ) from error


def local_secret(home: Path) -> str:
    """Return this installation's secret key, made on first use in a file only its owner may read."""
    path = home / "secret.key"
    home.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii").strip()
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(48))
    return path.read_text(encoding="ascii").strip()

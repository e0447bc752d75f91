"""The fields of the settings, grouped. Which environment variable sets what: docs/configuration.md."""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from backend.settings.connections import default_data_dir, local_connections, normal_database_url
from market_data.news import NewsSource

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def _comma_separated(value: Any) -> Any:  # Any: whatever the environment or a caller gave
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:  # such as half an IPv6 address
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class JobSettings(_Group):
    """Leases, limits and retention of jobs (`JOBS__LEASE_S=30`)."""

    lease_s: Annotated[float, Field(gt=0)] = 30.0
    renew_every_s: Annotated[float, Field(gt=0)] = 10.0
    relay_interval_s: Annotated[float, Field(gt=0)] = 0.5
    cancel_grace_s: Annotated[float, Field(ge=0)] = 3.0
    """How long a cancelled job may take to notice before its process is ended."""
    retention_days: Annotated[float, Field(gt=0)] = 90.0
    delivery_retention_days: Annotated[float, Field(gt=0)] = 30.0
    max_result_bytes: Annotated[int, Field(gt=0)] = 64_000_000
    free_max_running: Annotated[int, Field(gt=0)] = 2
    premium_max_running: Annotated[int, Field(gt=0)] = 8
    admin_max_running: Annotated[int | None, Field(gt=0)] = None
    free_max_unfinished: Annotated[int, Field(gt=0)] = 1_000
    premium_max_unfinished: Annotated[int, Field(gt=0)] = 20_000
    admin_max_unfinished: Annotated[int | None, Field(gt=0)] = None
    max_bulk_jobs: Annotated[int, Field(gt=0)] = 10_000
    max_schedules_per_user: Annotated[int, Field(gt=0)] = 200


class WebSocketSettings(_Group):
    """Limits of the push socket (`WEBSOCKET__MAX_PENDING=1000`)."""

    max_connections_per_user: Annotated[int, Field(gt=0)] = 20
    max_message_bytes: Annotated[int, Field(gt=0)] = 16_384
    max_messages_per_s: Annotated[float, Field(gt=0)] = 10.0
    max_pending: Annotated[int, Field(gt=0)] = 1_000
    max_pending_bytes: Annotated[int, Field(gt=0)] = 1_048_576
    auth_timeout_s: Annotated[float, Field(gt=0)] = 10.0
    recheck_token_s: Annotated[float, Field(gt=0)] = 30.0
    snapshot_jobs: Annotated[int, Field(gt=0)] = 1_000
    heartbeat_s: Annotated[float, Field(gt=0)] = 15.0
    """How long an event stream is silent before it says that it is there."""


class WebhookSettings(_Group):
    """How webhooks are told (`WEBHOOKS__TIMEOUT_S=10`)."""

    allow_private_targets: bool = False
    """Whether loopback and private networks may be told, too: for installations whose users are all trusted."""
    max_per_user: Annotated[int, Field(gt=0)] = 20
    timeout_s: Annotated[float, Field(gt=0)] = 10.0
    retry_after_s: Annotated[tuple[Annotated[float, Field(gt=0)], ...], NoDecode] = (
        *(5.0, 30.0, 120.0),
        *(600.0, 3_600.0, 21_600.0, 86_400.0),
    )
    max_at_once: Annotated[int, Field(gt=0, le=200)] = 16
    max_at_once_per_webhook: Annotated[int, Field(gt=0)] = 4
    disable_after_failures: Annotated[int, Field(gt=0)] = 20
    disable_after_days: Annotated[float, Field(gt=0)] = 5.0

    _split = field_validator("retry_after_s", mode="before")(_comma_separated)


class MarketSettings(_Group):
    """Where bars come from when the store does not have them (`MARKET__PROVIDERS=sample,yfinance`)."""

    providers: Annotated[tuple[str, ...], NoDecode] = ("sample", "yfinance")

    _split = field_validator("providers", mode="before")(_comma_separated)


class NewsSettings(_Group):
    """Where news come from (`NEWS__SOURCES=finnhub,rss`). A source that needs a key is asked only when it has one."""

    sources: Annotated[tuple[NewsSource, ...], NoDecode] = ("finnhub", "alpha_vantage", "yfinance", "rss")
    rss_feeds: Annotated[tuple[str, ...], NoDecode] = ("https://feeds.finance.yahoo.com/rss/2.0/headline?s={symbol}",)
    finnhub_key: SecretStr | None = None
    finnhub_url: str = "https://finnhub.io"
    finnhub_per_minute: Annotated[float, Field(gt=0)] = 60.0
    alpha_vantage_key: SecretStr | None = None
    alpha_vantage_url: str = "https://www.alphavantage.co"
    alpha_vantage_per_day: Annotated[float, Field(gt=0)] = 25.0
    timeout_s: Annotated[float, Field(gt=0)] = 5.0
    cache_s: Annotated[int, Field(gt=0)] = 900
    max_response_bytes: Annotated[int, Field(gt=0)] = 5_000_000

    _split = field_validator("sources", "rss_feeds", mode="before")(_comma_separated)

    @field_validator("rss_feeds")
    @classmethod
    def _web_addresses(cls, feeds: tuple[str, ...]) -> tuple[str, ...]:
        for number, feed in enumerate(feeds, start=1):
            if not _is_web_address(feed):  # not told: it may hold a password
                raise ValueError(
                    f"NEWS__RSS_FEEDS must be addresses of http or https with a host, number {number} is not"
                )
        return feeds

    @field_validator("finnhub_key", "alpha_vantage_key", mode="before")
    @classmethod
    def _no_key(cls, key: Any) -> Any:  # Any: whatever the environment or a caller gave
        """Take an empty key as none: compose files pass variables on that nobody has set."""
        return None if key == "" else key


class Settings(BaseSettings):
    """Everything that may differ between installations. Secrets never show in its repr."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_nested_delimiter="__",
        hide_input_in_errors=True,  # an address that is refused holds a password all the same
    )

    database_url: Annotated[str | None, Field(repr=False)] = None
    redis_url: Annotated[str | None, Field(repr=False)] = None
    data_dir: Annotated[Path, Field(validation_alias="AITRADER_DATA_DIR", default_factory=default_data_dir)]
    artifacts_url: str | None = None
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535)] = 8000
    debug: bool = False
    log_level: str = "INFO"
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    max_body_bytes: Annotated[int, Field(gt=0)] = 2_000_000
    max_batch_body_bytes: Annotated[int, Field(gt=0)] = 8_000_000
    max_import_bytes: Annotated[int, Field(gt=0)] = 500_000_000
    flower_url: str | None = None
    metrics_token: SecretStr | None = None
    """What `/metrics` asks for; without one it answers to this machine only."""
    jobs: JobSettings = JobSettings()
    websocket: WebSocketSettings = WebSocketSettings()
    webhooks: WebhookSettings = WebhookSettings()
    market: MarketSettings = MarketSettings()
    news: NewsSettings = NewsSettings()

    _split = field_validator("cors_origins", mode="before")(_comma_separated)

    @field_validator("metrics_token", mode="before")
    @classmethod
    def _no_token(cls, token: Any) -> Any:  # Any: whatever the environment or a caller gave
        """Take an empty token as none: compose files pass variables on that nobody has set."""
        return None if token == "" else token

    @field_validator("database_url")
    @classmethod
    def _normalise(cls, url: str | None) -> str | None:
        return None if url is None else normal_database_url(url)

    @field_validator("data_dir")
    @classmethod
    def _from_anywhere(cls, folder: Path) -> Path:
        """Return the folder as an absolute path: child processes start elsewhere."""
        return folder.absolute()

    @field_validator("log_level", mode="before")
    @classmethod
    def _known_level(cls, level: str) -> str:
        if level.upper() not in LOG_LEVELS:
            raise ValueError(f"LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}, it was {level!r}")
        return level.upper()

    @property
    def artifacts(self) -> str:
        """Return the fsspec address of the artifact store."""
        return self.artifacts_url or f"file://{self.data_dir / 'artifacts'}"

    @property
    def database(self) -> str:
        """Return the database's address; where there is none, say how to get one."""
        if self.database_url is None:
            raise LookupError("no database is known: set DATABASE_URL, or start the local stack with `aitrader up`")
        return self.database_url

    @property
    def redis(self) -> str:
        """Return the address of Redis; where there is none, say how to get one."""
        if self.redis_url is None:
            raise LookupError("no Redis is known: set REDIS_URL, or start the local stack with `aitrader up`")
        return self.redis_url

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments first, then the environment, then what a running local stack wrote down."""
        del dotenv_settings, file_secret_settings
        stack = InitSettingsSource(settings_cls, init_kwargs=dict(local_connections(default_data_dir())))
        return init_settings, env_settings, stack

"""The product's settings: one immutable object, read from the environment."""

from backend.settings.settings import (
    JobSettings,
    MarketSettings,
    NewsSettings,
    Settings,
    WebhookSettings,
    WebSocketSettings,
)

__all__ = ["JobSettings", "MarketSettings", "NewsSettings", "Settings", "WebSocketSettings", "WebhookSettings"]

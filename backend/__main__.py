"""`python -m backend`: the web process, with the server options that its limits rely on."""

import uvicorn

from backend.settings import Settings


def main() -> None:
    settings = Settings()
    uvicorn.run(
        "backend.main:app",
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        reload=False,
        ws="websockets-sansio",
        ws_max_size=settings.websocket.max_message_bytes,
        ws_per_message_deflate=False,  # deflate costs 30 to 90 KB a connection for messages this short
        ws_ping_interval=20,
        ws_ping_timeout=20,
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main()

"""A client that does not read costs nobody anything but itself."""

from uuid import UUID

import httpx
import redis

from backend.core.event_log import Announcement, publish
from backend.core.events import Event, Kind, Topic
from tests.integration.api.test_jobs import SCAN
from tests.integration.websocket.talk import narrow_socket, place, talk
from tests.platform import Platform, submit

LARGE = '{"id": "%d", "state": "queued", "stage": "' + "x" * 200_000 + '"}'
ENOUGH_TO_FILL_ALL_BUFFERS = 120


def test_slow_client_is_let_go_and_a_fast_one_beside_it_gets_everything(
    idle_platform: Platform, idle_user: httpx.Client
) -> None:
    user_id = UUID(submit(idle_user, "pattern_scan", SCAN)["user_id"])
    narrow = narrow_socket(idle_platform.url)
    with (
        redis.Redis.from_url(idle_platform.redis_url) as bus,
        talk(idle_user, sock=narrow, max_queue=1) as slow,
        talk(idle_user) as fast,
    ):
        slow.subscribe()
        _, snapshot = fast.subscribe()
        heard = []
        for number in range(ENOUGH_TO_FILL_ALL_BUFFERS):
            event = Event((Topic("job_updates", user_id),), f"job-{number}", Kind.STATE, LARGE % number)
            publish(bus, Announcement([event]))
            heard.append(fast.hear())
        code, last = slow.hear_end()
        assert fast.ask(op="ping", id=1) == {"id": 1, "ok": True}
    assert [update["data"]["id"] for update in heard] == [str(i) for i in range(ENOUGH_TO_FILL_ALL_BUFFERS)]
    start = place(snapshot["cursor"])[1]
    assert [place(update["cursor"])[1] - start for update in heard] == list(range(1, ENOUGH_TO_FILL_ALL_BUFFERS + 1))
    assert code == 4508
    assert f'"{ENOUGH_TO_FILL_ALL_BUFFERS - 1}"' not in last[:200], "it was let go before the end"

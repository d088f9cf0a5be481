"""A firing alert goes to a real Alertmanager through its v2 API, and amtool shows it until it is over."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from alerts.delivery import Delivery, Pace
from alerts.notifiers.build import build_notifiers
from monitor.domain import AlertState
from monitor.metrics import AlertMetrics
from monitor.settings import AlertingSettings
from tests.fixtures.outbox import MemoryOutbox
from tests.fixtures.prometheus import alertmanager, free_port
from tests.unit.alerts.notices import alert, notification

pytestmark = [pytest.mark.prometheus, pytest.mark.timeout(120)]

MINUTE = timedelta(minutes=1)
QUIET = "route: {receiver: nobody, group_wait: 1s}\nreceivers: [{name: nobody}]\n"


@contextmanager
def delivering(outbox: MemoryOutbox, url: str) -> Iterator[Delivery]:
    """A delivery to one Alertmanager."""
    receiver = {"type": "alertmanager", "name": "desk", "url": url, "timeout": "5s"}
    settings = AlertingSettings.model_validate({"receivers": [receiver], "route": {"receiver": "desk"}})
    notifiers = build_notifiers(settings, clock=lambda: datetime.now(UTC))
    work = Delivery(
        outbox, notifiers, owner="w", metrics=AlertMetrics(CollectorRegistry()), max_retry_wait=MINUTE,
        pace=Pace(patience_s=30.0),
    )  # fmt: skip
    try:
        yield work
    finally:
        work.close()


def shown(programs: dict[str, str], url: str) -> list[dict[str, Any]]:
    """What amtool says is active."""
    command = [programs["amtool"], f"--alertmanager.url={url}", "alert", "query", "--output=json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    alerts: list[dict[str, Any]] = json.loads(done.stdout)
    return alerts


def test_amtool_shows_an_alert_from_firing_to_resolved(tmp_path: Path, programs: dict[str, str]) -> None:
    """A repeat changes nothing, the end ends it, and a server that was away gets it later."""
    (tmp_path / "am.yaml").write_text(QUIET)
    now = datetime.now(UTC)
    firing = alert(since_at=now - 5 * MINUTE, active_at=now - 5 * MINUTE, fired_at=now - 5 * MINUTE)
    over = alert(state=AlertState.RESOLVED, since_at=now - MINUTE, fired_at=now - 5 * MINUTE)
    outbox = MemoryOutbox()

    outbox.put(notification(firing, created_at=now))
    with delivering(outbox, f"http://127.0.0.1:{free_port()}") as work:
        work.run_once(now)
    assert outbox.deliveries()[0].outcome == "retry"

    with alertmanager(programs, tmp_path, tmp_path / "am.yaml") as url, delivering(outbox, url) as work:
        work.run_once(now + 5 * MINUTE)
        outbox.put(notification(firing, id="n-2", created_at=now, reason="repeat"))
        work.run_once(now + 6 * MINUTE)
        [one] = shown(programs, url)
        assert one["labels"] == {
            "alertname": "negative-spike", "entity": "ACME", "topic": "all", "severity": "page",
        }  # fmt: skip
        assert one["annotations"]["seen"] == "23"
        assert "Acme recalls all rockets" in one["annotations"]["headlines"]
        assert one["status"]["state"] == "active"
        assert datetime.fromisoformat(one["endsAt"]) - now > timedelta(hours=11)

        outbox.put(notification(over, id="n-3", created_at=now, reason="resolved"))
        work.run_once(now + 7 * MINUTE)
        assert shown(programs, url) == []
    assert [attempt.outcome for attempt in outbox.deliveries()] == ["delivered", "delivered", "delivered", "retry"]

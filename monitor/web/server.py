"""The server: the application on a socket, in a thread of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog
import uvicorn
from prometheus_client import CollectorRegistry

from monitor.errors import ConfigurationError
from monitor.ports import PushDoor, VerdictDesk
from monitor.settings import WebSettings
from monitor.web.access import Access
from monitor.web.app import Limits, Pages, create_app
from monitor.web.connections import Doorway
from monitor.web.reloading import Reload
from monitor.web.tls import Certificates

STOP_S = 10.0  #: How long requests in hand may take at the end.
MAX_CONNECTIONS = 200  #: Beyond, a request is answered with 503 at once.

log = structlog.get_logger(__name__)


def _server_config(settings: WebSettings, pages: Pages) -> uvicorn.Config:
    """How uvicorn serves `pages`."""
    limits = Limits(
        max_body_bytes=settings.max_body_bytes,
        per_minute=settings.max_requests_per_minute,
        behind_proxy=settings.behind_proxy,
    )
    # A proxy makes all connections itself, and counts those of its clients.
    per_client = MAX_CONNECTIONS if settings.behind_proxy else settings.max_connections_per_client
    return uvicorn.Config(
        create_app(pages, access=Access.of(settings), limits=limits),
        http=Doorway(per_client=per_client).protocol(),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=int(STOP_S / 2),
    )


class WebServer:
    """Serves from `start` to `stop`; leaves signals to the process."""

    def __init__(  # noqa: PLR0913 -- one for each thing that it shows
        self,
        settings: WebSettings,
        *,
        registry: CollectorRegistry,
        ready: Callable[[], Mapping[str, str]],
        submit: PushDoor | None = None,
        alerts: Callable[[], Sequence[Mapping[str, Any]]] | None = None,
        sources: Callable[[], Sequence[Mapping[str, Any]]] | None = None,
        status: Callable[[], Mapping[str, Any]] | None = None,
        verdicts: VerdictDesk | None = None,
        reload: Reload | None = None,
    ) -> None:
        self._settings = settings
        pages = Pages(
            registry=registry, ready=ready, submit=submit, alerts=alerts, sources=sources, status=status,
            verdicts=verdicts, reload=reload,
        )  # fmt: skip
        self._config = _server_config(settings, pages)
        self._server = uvicorn.Server(self._config)
        self._thread: threading.Thread | None = None
        self._port = settings.port

    @property
    def port(self) -> int:
        """The port; the one that was picked, once started with 0."""
        return self._port

    @property
    def url(self) -> str:
        """Where the server is reached."""
        host, scheme = self._settings.host, "https" if self._settings.tls_cert_file else "http"
        return f"{scheme}://[{host}]:{self._port}" if ":" in host else f"{scheme}://{host}:{self._port}"

    @property
    def alive(self) -> bool:
        """Whether it serves; False before `start` and after `stop`."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Listen, and serve in the background.

        Raises `ConfigurationError` when the address is not to be had, or the certificate not to be read.
        """
        self._config.load()
        if self._settings.tls_cert_file and self._settings.tls_key_file:
            self._config.ssl = Certificates(self._settings.tls_cert_file, self._settings.tls_key_file).context()
        listening = self._listen()
        self._port = listening.getsockname()[1]
        # Outside the main thread uvicorn leaves the signal handlers alone.
        self._thread = threading.Thread(target=self._server.run, args=([listening],), name="web", daemon=True)
        self._thread.start()
        log.info("web_started", url=self.url)

    def stop(self) -> None:
        """Finish requests in hand and close; nothing happens when it is not running."""
        if self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join(STOP_S)
        self._thread = None

    def _listen(self) -> socket.socket:
        host, port = self._settings.host, self._settings.port
        try:
            family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
            return socket.create_server((host, port), family=family, backlog=256)
        except OSError as err:
            message = f"web: cannot listen on {host}:{port}: {err.strerror or err}; set web.host and web.port"
            raise ConfigurationError(message) from err

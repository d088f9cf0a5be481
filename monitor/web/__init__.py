"""HTTP: health, metrics, and the door for documents. It knows nothing of the stages: it is given callables."""

from monitor.web.access import Access
from monitor.web.app import Limits, Pages, create_app
from monitor.web.server import WebServer

__all__ = ["Access", "Limits", "Pages", "WebServer", "create_app"]

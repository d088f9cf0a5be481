"""Load the models that the configuration names, and follow the registry where it says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from models.artifacts import Adapter, check_adapter, read_adapter
from models.classifier import classifier_of
from models.registry import POINTER
from models.shadow import Shadow
from models.swap import Swap
from monitor.app.serving import Loaded, ModelsInUse
from monitor.errors import ConfigurationError
from monitor.metrics import ModelMetrics
from monitor.settings import ClassifierSettings
from monitor.settings.data import ACTIVE


def open_models(settings: ClassifierSettings, metrics: ModelMetrics) -> ModelsInUse:
    """Load and warm up everything but the candidate; raises `ConfigurationError` where it cannot be trusted."""
    threads = [ThreadPoolExecutor(max_workers=1, thread_name_prefix=name) for name in ("model-loader", "shadow")]
    first, default = _default(settings, threads[0], metrics)
    others = _others(settings, first)
    _need_default_language(settings, {*first.manifest.languages, *others})
    shadow = None
    if settings.shadow is not None:
        candidate = settings.shadow
        shadow = Shadow(
            lambda: _load_beside(settings, candidate, first).classifier,
            share=settings.shadow_share,
            executor=threads[1],
            metrics=metrics,
        )
    return ModelsInUse(
        default, others, shadow=shadow, drift_window=settings.drift_window, metrics=metrics, threads=threads
    )


def followed_registry(settings: ClassifierSettings) -> Path | None:
    """The registry whose pointer is followed: `adapter` is `active`, or the path of a registry or of its pointer."""
    if settings.adapter == ACTIVE:
        return settings.registry
    path = Path(settings.adapter)
    if path.name == POINTER and path.is_symlink():
        return path.parent
    return path if (path / POINTER).is_symlink() else None


def _default(
    settings: ClassifierSettings, thread: ThreadPoolExecutor, metrics: ModelMetrics
) -> tuple[Loaded, Callable[[datetime], Loaded]]:
    registry = followed_registry(settings)
    if registry is None:
        fixed = _load(settings, read_adapter(settings.adapter, registry=settings.registry), name=settings.adapter)
        return fixed, lambda _: fixed
    swap = Swap(
        registry,
        lambda folder: _load(settings, check_adapter(folder), name=ACTIVE),
        executor=thread,
        metrics=metrics,
    )
    return swap.loaded, swap.current


def _others(settings: ClassifierSettings, first: Loaded) -> Mapping[str, Loaded]:
    """The adapters for other languages, each loaded once."""
    loaded = {name: _load_beside(settings, name, first) for name in dict.fromkeys(settings.languages.values())}
    for language, name in settings.languages.items():
        reads = loaded[name].manifest.languages
        if language not in reads:
            raise ConfigurationError(
                f"classifier.languages.{language}: {name} reads {', '.join(reads)}; name an adapter for {language}"
            )
    return {language: loaded[name] for language, name in settings.languages.items()}


def _load_beside(settings: ClassifierSettings, name: str, first: Loaded) -> Loaded:
    """Load another adapter; `classifier.encoder` is for those alone that stand on the same encoder as the first."""
    adapter = read_adapter(name, registry=settings.registry)
    if adapter.manifest.base != first.manifest.base:
        settings = settings.model_copy(update={"encoder": None})
    return _load(settings, adapter, name=name)


def _load(settings: ClassifierSettings, adapter: Adapter, *, name: str) -> Loaded:
    return Loaded(name=name, classifier=classifier_of(adapter, settings), manifest=adapter.manifest)


def _need_default_language(settings: ClassifierSettings, read: set[str]) -> None:
    if settings.default_language not in read:
        raise ConfigurationError(
            f"classifier.default_language: no adapter reads {settings.default_language}; "
            f"name one of {', '.join(sorted(read))}"
        )

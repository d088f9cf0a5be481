"""Loading settings: file, environment, secrets; every problem said at once, in the user's words."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest
import yaml

from monitor.errors import ConfigurationError
from monitor.settings import Settings, Source
from monitor.settings.load import effective_yaml, load_settings

SOURCES = get_args(get_args(Source)[0])
SOURCE_TYPES = ", ".join(sorted(get_args(one.model_fields["type"].annotation)[0] for one in SOURCES))


@pytest.fixture
def write(tmp_path: Path):
    """Writes the configuration file and returns its path."""

    def write(text: str) -> Path:
        path = tmp_path / "tapewatch.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def problems(path: Path | None, environ: dict[str, str] | None = None) -> list[str]:
    """The lines of the refusal."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings(path, environ or {})
    return str(caught.value).splitlines()


def test_without_file_and_environment_the_defaults_hold() -> None:
    """The monitor starts with nothing written."""
    assert load_settings(None, {"PATH": "/bin"}) == Settings()


def test_environment_wins_over_the_file(write) -> None:
    """One file for all machines, the differences from the environment."""
    path = write("web: {port: 1000, host: 127.0.0.1}\n")
    settings = load_settings(path, {"TAPEWATCH_WEB__PORT": "9000"})
    assert (settings.web.port, settings.web.host) == (9000, "127.0.0.1")


@pytest.mark.parametrize("text", ["a:9092,b:9092", '["a:9092", "b:9092"]', " a:9092 , b:9092, "])
def test_list_from_the_environment_is_json_or_separated_by_commas(text: str) -> None:
    """Both are in use; neither may surprise."""
    settings = load_settings(None, {"TAPEWATCH_KAFKA__BOOTSTRAP_SERVERS": text})
    assert settings.kafka.bootstrap_servers == ("a:9092", "b:9092")


def test_items_of_a_list_are_reached_by_index(write) -> None:
    """The secret of one receiver comes from the environment, the rest from the file."""
    path = write(
        "alerting:\n  receivers:\n    - {type: webhook, name: hook, url: 'https://a.example/x'}\n  rules: [{name: R}]\n"
    )
    environ = {"TAPEWATCH_ALERTING__RECEIVERS__0__SECRET": "whsec_abc", "TAPEWATCH_ALERTING__RULES__0__FOR": "5m"}
    settings = load_settings(path, environ)
    assert settings.alerting.receivers[0].secret.get_secret_value() == "whsec_abc"
    assert settings.alerting.rules[0].hold == timedelta(minutes=5)


def test_a_whole_list_of_sections_comes_as_json_or_item_by_item() -> None:
    """A container without a file can be configured completely."""
    by_json = load_settings(None, {"TAPEWATCH_WATCHLIST__ENTITIES": '[{"ticker": "EXMP", "name": "Example"}]'})
    environ = {"TAPEWATCH_WATCHLIST__ENTITIES__0__TICKER": "EXMP", "TAPEWATCH_WATCHLIST__ENTITIES__0__NAME": "Example"}
    assert load_settings(None, environ) == by_json


def test_word_or_list_keys_take_both_from_the_environment() -> None:
    """`each` is a word there, anything else a list."""
    name = {"TAPEWATCH_ALERTING__RULES__0__NAME": "R"}
    key = "TAPEWATCH_ALERTING__RULES__0__SERIES__ENTITY"
    assert load_settings(None, {**name, key: "each"}).alerting.rules[0].series.entity == "each"
    assert load_settings(None, {**name, key: "EXMP,OTHR"}).alerting.rules[0].series.entity == ("EXMP", "OTHR")


def test_empty_variable_stands_for_none_where_that_is_allowed() -> None:
    """Container tools pass variables that are set to nothing."""
    assert load_settings(None, {"TAPEWATCH_WEB__TOKEN": ""}).web.token is None


def test_unknown_variable_is_refused_with_the_one_meant() -> None:
    """A misspelt variable that is ignored is found in production."""
    lines = problems(None, {"TAPEWATCH_WEB__PROT": "1", "TAPEWATCH_WEBB": "1", "TAPEWATCH_CONFIG": "x.yaml"})
    assert lines == [
        "TAPEWATCH_WEBB: unknown key; did you mean web?",
        "TAPEWATCH_WEB__PROT: unknown key; did you mean port?",
    ]


def test_index_beyond_the_list_is_refused(write) -> None:
    """Item 3 of a list of one cannot be meant."""
    assert problems(write("sources: []\n"), {"TAPEWATCH_SOURCES__3__NAME": "x"}) == [
        "TAPEWATCH_SOURCES__3__NAME: there are only 0 items before this one; the next index is 0"
    ]


def test_every_problem_is_said_at_once_with_file_and_key(write) -> None:
    """Nobody should have to start the daemon seven times."""
    path = write(
        "web: {port: eighty, hots: x}\n"
        "sources:\n"
        "  - {type: feed, name: a, url: 'https://a.example/'}\n"
        "  - {type: file, name: b}\n"
        "  - {type: feed, name: c, url: 'ftp://c.example/'}\n"
        "  - {type: feeed, name: d}\n"
        "  - {name: e}\n"
        "alerting:\n"
        "  rules:\n"
        "    - {name: R, for: soon, series: {entity: 5}}\n"
        "  route: {continue: perhaps}\n"
        "colour: blue\n"
    )
    assert problems(path, {"TAPEWATCH_STREAM__PARTITIONS": "0"}) == [
        "TAPEWATCH_STREAM__PARTITIONS: stream.partitions: must be greater than 0, got '0'",
        f"{path}: sources[1].path: is missing; it has no default",
        f"{path}: sources[2].url: URL scheme should be 'http' or 'https'",
        f"{path}: sources[3]: type is 'feeed'; allowed: {SOURCE_TYPES}",
        f"{path}: sources[4]: type is missing; allowed: {SOURCE_TYPES}",
        f"{path}: alerting.rules[0].series.entity: must be all, each or a list, got 5",
        f"{path}: alerting.rules[0].for: not a duration: 'soon'; write for example 30s, 5m, 1h30m, 14d",
        f"{path}: alerting.route.continue: must be a valid boolean, unable to interpret input, got 'perhaps'",
        f"{path}: web.port: must be a valid integer, unable to parse string as an integer, got 'eighty'",
        f"{path}: web.hots: unknown key; did you mean host?",
        f"{path}: colour: unknown key; allowed: aggregate, alerting, classifier, database, ingest, kafka, local_log, "
        "logging, sources, stories, stream, watchlist, web",
    ]


def test_names_inside_the_program_are_no_keys(write) -> None:
    """`hold` is what the program calls `for`; the file has one word for it."""
    (line,) = problems(write("alerting: {rules: [{name: R, hold: 5m}]}\n"))
    assert "alerting.rules[0].hold: unknown key; allowed: annotations, at_most, baseline, for," in line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("web: {host: 0.0.0.0}\n", "web: host beyond loopback needs token or token_file"),
        ("kafka: {security_protocol: SASL_SSL}\n", "kafka: security_protocol SASL_* needs sasl_mechanism"),
        ("alerting: {rules: [{name: R, window: 90s}]}\n", "window 1m30s must be a whole number of buckets (1m)"),
        ("alerting: {rules: [{name: R, window: 500d}]}\n", "rule R: window 500d is longer than counts are kept"),
        (
            "alerting: {evaluate_every: 30m, rules: [{name: R, windows: [15m, 1h]}]}\n",
            "rule R: window 15m is shorter than alerting.evaluate_every (30m)",
        ),
        ("alerting: {rules: [{name: R, windows: [1h, 1h]}]}\n", "alerting.rules[0]: windows: each once"),
        ("alerting: {rules: [{name: R, series: {entity: []}}]}\n", "series: entity: an empty list matches nothing"),
        ("alerting: {rules: [{name: R, series: {topic: [Weather]}}]}\n", "topic: Weather matches nothing; known:"),
        ("alerting: {rules: [{name: R, series: {source_class: [blogs]}}]}\n", "source_class: blogs matches nothing"),
        ("aggregate: {bucket: 7m}\n", "aggregate: bucket: a whole number of buckets must make an hour"),
        ("alerting: {route: {receiver: nobody}}\n", "alerting: route: unknown receiver 'nobody'; known: none"),
        ("alerting: {evaluate_every: 0s}\n", "alerting.evaluate_every: must be longer than zero"),
        ("aggregate: {bucket: .inf}\n", "aggregate.bucket: not a duration"),
        ("watchlist: {entities: [{ticker: ON, name: x}]}\n", "put it in quotes"),
        (
            "watchlist: {entities: [{ticker: A, name: x, isin: US0378331006}]}\n",
            "watchlist.entities[0].isin: the check digit of US0378331006 is wrong: for US037833100 it is 5",
        ),
        ("watchlist: {shipped: [usa]}\n", "watchlist.shipped[0]: must be 'us', 'europe', 'china', 'japan',"),
        ("web: 5\n", "web: must be a mapping of keys to values"),
        ("- a\n", "must hold keys and values, got list"),
        ("1: 2\n", "Keys should be strings"),
        ("? [a]\n: 2\n", "line 1, column 3: found unhashable key"),
    ],
)
def test_impossible_values_are_refused_in_readable_words(write, text: str, said: str) -> None:
    """The line has to be enough to mend the file."""
    path = write(text)
    (line,) = problems(path)
    assert line.startswith(f"{path}: ")
    assert said in line


def test_key_given_twice_is_refused_with_its_line(write) -> None:
    """Plain YAML takes the last in silence."""
    path = write("web:\n  port: 1\n  host: 127.0.0.1\n  port: 2\n")
    assert problems(path) == [f"{path}: line 4, column 3: key 'port' given twice"]


def test_merge_keys_of_yaml_may_repeat_what_they_override(write) -> None:
    """Anchors are how people share settings between receivers."""
    path = write(
        "alerting:\n  receivers:\n"
        "    - &hook {type: webhook, name: a, url: 'https://a.example/', timeout: 5s}\n"
        "    - {<<: *hook, name: b}\n"
    )
    assert [r.name for r in load_settings(path, {}).alerting.receivers] == ["a", "b"]


def test_broken_yaml_is_refused_with_line_and_column(write) -> None:
    """The place is what one needs."""
    path = write("web:\n  port: [1\nkafka: {}\n")
    (line,) = problems(path)
    assert line.startswith(f"{path}: line 3, column ")


def test_file_that_is_away_not_text_or_endless_is_refused(tmp_path: Path, write) -> None:
    """Each in one line, without a traceback."""
    assert problems(tmp_path / "none.yaml") == [f"{tmp_path / 'none.yaml'}: cannot be read: No such file or directory"]
    (tmp_path / "latin.yaml").write_bytes(b"web: {host: caf\xe9}\n")
    assert "not UTF-8 text" in problems(tmp_path / "latin.yaml")[0]
    assert "refers to itself" in problems(write("alerting: &a {route: *a}\n"))[0]


def test_sections_with_every_key_commented_out_mean_the_defaults(write) -> None:
    """That is how people edit the example."""
    assert load_settings(write("web:\n#  port: 1\nsources:\nalerting:\n  route:\n"), {}) == Settings()


def test_secret_is_read_from_its_file_without_the_last_newline(write, tmp_path: Path) -> None:
    """Secret mounts end in a newline more often than not."""
    (tmp_path / "token").write_text("s3cret\n")
    settings = load_settings(write(f"web: {{token_file: {tmp_path / 'token'}}}\n"), {})
    assert settings.web.token.get_secret_value() == "s3cret"


def test_secret_given_twice_missing_or_empty_is_refused(write, tmp_path: Path) -> None:
    """Starting with an empty password is worse than not starting."""
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "full").write_text("x")
    path = write(
        f"web: {{token: a, token_file: {tmp_path / 'full'}}}\n"
        f"database: {{url_file: {tmp_path / 'empty'}}}\n"
        f"kafka: {{sasl_password_file: {tmp_path / 'none'}}}\n"
    )
    assert sorted(problems(path)) == [
        f"{path}: database.url_file: {tmp_path / 'empty'}: the file is empty",
        f"{path}: kafka.sasl_password_file: {tmp_path / 'none'}: there is no such file",
        f"{path}: web.token_file: give token or token_file, not both",
    ]


def test_secrets_appear_neither_in_problems_nor_in_the_effective_values(write, tmp_path: Path) -> None:
    """Both end up in logs and tickets."""
    (tmp_path / "token").write_text("hush-token")
    path = write(
        "database: {url: 'postgresql+psycopg://desk:hush-p@ss@db.example/tape'}\n"
        f"web: {{token_file: {tmp_path / 'token'}}}\n"
        "kafka: {sasl_password: hush-kafka}\n"
        "alerting: {receivers: [{type: webhook, name: h, url: 'https://u:hush-hook@h.example/x', secret: hush-sig}]}\n"
    )
    shown = effective_yaml(load_settings(path, {}))
    assert "hush" not in shown
    assert yaml.safe_load(shown)["database"]["url"] == "postgresql+psycopg://desk:********@db.example/tape"
    path = write("web: {token: [hush]}\ndatabase: {url: {hush: 1}}\nkafka: {sasl_password: 5}\n")
    assert not any("hush" in line for line in problems(path))


def test_effective_values_say_every_duration_as_the_user_writes_it() -> None:
    """What is printed can be pasted back."""
    shown = yaml.safe_load(effective_yaml(Settings()))
    assert shown["aggregate"]["bucket"] == "1m"
    shown["database"].pop("url")
    assert Settings.model_validate(shown) == Settings()

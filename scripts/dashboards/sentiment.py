"""What the world says: sentiment by entity and topic, negative stories against expected, alerts and their evidence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from grafana_foundation_sdk.builders.dashboard import Dashboard

from scripts.dashboards import panels as p
from scripts.dashboards.queries import latest, marks_of, marks_of_sql, series

CURRENT_STORIES = "entity_topic_sentiment:tapewatch_window_stories:current"
SEEN = "rule_entity_topic:tapewatch_negative_stories:current"
EXPECTED = "rule_entity_topic:tapewatch_expected_negative_stories:current"
SENTIMENT = "entity_topic:tapewatch_sentiment:current"

#: Instants in the database are microseconds since 1970.
SPAN = "BETWEEN $__unixEpochFrom() * 1000000::bigint AND $__unixEpochTo() * 1000000::bigint"

EVIDENCE_SQL = f"""
SELECT to_timestamp(m.published_at / 1e6) AS published, m.entity, e.title, e.source, e.topic,
       round(coalesce(m.negative, e.negative)::numeric, 2) AS negative, coalesce(s.reach, 1) AS reach,
       round(m.relevance::numeric, 2) AS relevance, e.url, e.model
FROM mentions m JOIN evidence e ON e.document_id = m.document_id LEFT JOIN stories s ON s.story_id = e.story_id
WHERE m.published_at {SPAN} AND m.entity IN (${{entity:sqlstring}}) AND coalesce(m.sentiment, e.sentiment) = 'negative'
ORDER BY negative DESC, m.published_at DESC LIMIT 200
""".strip()  # noqa: S608 -- constants alone

ALERTS_SQL = """
SELECT rule, payload::json -> 'series' ->> 'entity' AS entity, payload::json -> 'series' ->> 'topic' AS topic, state,
       (payload::json ->> 'since_at')::timestamptz AS since, payload::json -> 'evidence' ->> 'seen' AS seen,
       round((payload::json -> 'evidence' ->> 'expected')::numeric, 2) AS expected,
       (payload::json -> 'evidence' ->> 'p_value')::double precision AS p_value
FROM alerts WHERE state NOT IN ('normal', 'resolved') ORDER BY since DESC LIMIT 200
""".strip()

TIMELINE_SQL = f"""
SELECT to_timestamp(at / 1e6) AS time,
       (payload::json ->> 'rule') || ' on ' || (payload::json -> 'series' ->> 'entity') || ': ' || before || ' -> '
         || after AS text,
       after AS tags
FROM transitions
WHERE at {SPAN} AND after IN ('firing', 'resolved')
  AND payload::json -> 'series' ->> 'entity' IN (${{entity:sqlstring}})
ORDER BY at LIMIT 500
""".strip()  # noqa: S608 -- constants alone


def sentiment() -> Dashboard:
    """The dashboard."""
    made = p.board("sentiment", "tapewatch-sentiment", _parts(), note="Sentiment, negative stories, alerts, evidence.")
    made.with_variable(p.choice("entity", "Entity", 'label_values(tapewatch_sentiment{topic="all"}, entity)'))
    made.with_variable(p.choice("topic", "Topic", 'label_values(tapewatch_sentiment{entity="all"}, topic)'))
    made.with_variable(p.choice("rule", "Rule", "label_values(tapewatch_alerts, rule)"))
    changes = marks_of(
        'sum by (rule, state) (increase(tapewatch_alert_transitions_total{state=~"firing|resolved"}[1m])) > 0',
        name="Changes by rule", colour="purple", title="{{rule}}", text="{{state}}",
    )  # fmt: skip
    timeline = marks_of_sql(TIMELINE_SQL, name="Alert timeline", colour="red")
    return p.with_marks(made, timeline, changes)


def _parts() -> Iterator[Any]:
    yield from _now()
    yield p.row("Sentiment")
    yield from _sentiment()
    yield p.row("Negative stories")
    yield from _negatives()
    yield p.row("Alerts and evidence")
    yield from _alerts()


def _now() -> Iterator[Any]:
    firing = latest(('sum(rule_state:tapewatch_alerts:current{state=~"firing|recovering"})', ""))
    yield p.figure("Alerts that fire", firing, note="Over all rules.", steps=(1,))
    pending = latest(('sum(rule_state:tapewatch_alerts:current{state="pending"})', ""))
    yield p.figure("Alerts that are pending", pending, note="The condition holds, but not yet for long enough.")
    stories = latest((f'sum({CURRENT_STORIES}{{entity="all"}})', ""))
    yield p.figure("Stories in the window", stories, note="Of all topics, in the longest window of the shortest rule.")
    watched = latest((f'count({SENTIMENT}{{topic="all"}})', ""))
    yield p.figure("Entities watched", watched, note="Those of the watchlist.")


def _sentiment() -> Iterator[Any]:
    scale = "Mean p(positive) - p(negative) of the stories in the window, -1 to 1; 0 without stories."
    of_entities = series((f'{SENTIMENT}{{topic="all", entity=~"$entity"}}', "{{entity}}"))
    yield p.graph("Sentiment by entity", of_entities, note=scale, width=p.HALF).min(-1).max(1)
    of_topics = series((f'{SENTIMENT}{{entity="all", topic=~"$topic"}}', "{{topic}}"))
    yield p.graph("Sentiment by topic", of_topics, note=scale, width=p.HALF).min(-1).max(1)
    by_sentiment = series(
        (f'sum by (sentiment) ({CURRENT_STORIES}{{topic="all", entity=~"$entity"}})', "{{sentiment}}")
    )
    yield p.stacked("Stories of the chosen entities", by_sentiment, note="In the window, by verdict.", width=p.HALF)
    by_topic = series((f'sum by (topic) ({CURRENT_STORIES}{{entity="all", topic=~"$topic"}})', "{{topic}}"))
    yield p.stacked("Stories by topic", by_topic, note="In the window, over all entities.", width=p.HALF)


def _negatives() -> Iterator[Any]:
    chosen = '{topic="all", entity=~"$entity", rule=~"$rule"}'
    both = series((f"{SEEN}{chosen}", "{{entity}} seen"), (f"{EXPECTED}{chosen}", "{{entity}} expected"))
    note = "Seen in the window of the rule, and what the baseline expected there. Choose one entity."
    yield p.graph("Negative stories against expected", both, note=note, width=16)
    above = latest((f"topk(10, {SEEN}{chosen} - {EXPECTED}{chosen})", "{{entity}}"))
    yield p.bars("Furthest above what was expected", above, note="Negative stories beyond the expected, now.")


def _alerts() -> Iterator[Any]:
    states = series(('rule_state:tapewatch_alerts:current{rule=~"$rule", state!="normal"}', "{{rule}} {{state}}"))
    yield p.stacked("Alerts by state", states, note="Alerts of each rule.", width=p.HALF)
    latency = series(
        ("histogram_quantile(0.5, sum by (le) (increase(tapewatch_publish_to_alert_seconds_bucket[1d])))", "median"),
        ("job:tapewatch_publish_to_alert_seconds:p99_1d", "99 %"),
    )
    note = "From the publication of the latest evidence to the evaluation that fired; over a day."
    yield p.graph("Publication to alert", latency, note=note, unit="s", width=p.HALF)
    yield p.rows_table("Alerts now", ALERTS_SQL, note="Every alert that is neither calm nor resolved.", height=7)
    note = "The negative documents about the chosen entities in the span shown, the worst first."
    yield p.rows_table("Evidence", EVIDENCE_SQL, note=note)

"""What fuzzing starts from: small, sound inputs of each target, so that it need not find out what a feed looks like."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime

from monitor.domain import Document, EntitySentiment, Label, Prediction, Probabilities, Record, SourceClass
from monitor.errors import InvalidRecordError
from monitor.settings.load import example_yaml
from pipelines import wire

_AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
_DOCUMENT = Document(
    id="a", source="s", source_class=SourceClass.NEWS, published_at=_AT, seen_at=_AT, text="Profit falls.",
    title="Acme", url="https://news.example/1", lang="en", author="Ann", entities=("ACME",), story_id="x",
)  # fmt: skip
_SURE = Probabilities(negative=0.8, neutral=0.1, positive=0.1)
_PREDICTION = Prediction(
    topic="Earnings", topic_probability=0.9, probabilities=_SURE, model="m",
    entities=(EntitySentiment(entity="ACME", probabilities=_SURE),),
)  # fmt: skip
_RECORD = Record(topic="t", partition=0, offset=1, key=b"k", value=b"v")
_SENT = (
    b'{"id":"1","source":"desk","published_at":"2026-03-02T11:00:00Z","text":"Acme \\ud83d falls","url":"https://a.b/"'
)
_RSS = (
    b"<?xml version='1.0' encoding='utf-8'?><!DOCTYPE rss [<!ENTITY a 'b'>]><rss version='2.0'><channel>"
    b"<language>en</language><item><guid>1</guid><link>/1</link><title>A &amp;amp; &a; &#xD800;</title>"
    b"<author>Ann</author>"
    b"<description><![CDATA[<p>Profit <b>falls</b>]]></description><pubDate>Tue, 24 Nov 2026 10:00:00 +0100</pubDate>"
    b"<content:encoded>&lt;p&gt;</content:encoded></item></channel></rss>"
)
_ATOM = (
    b"<feed xmlns='http://www.w3.org/2005/Atom' xml:lang='de' xml:base='http://a.b/'><entry><id>urn:x:1</id>"
    b"<title type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'>T</div></title><content type='html'>x</content>"
    b"<updated>2026-11-24T10:00:00Z</updated><link rel='alternate' href='c'/></entry></feed>"
)
_SITEMAP = (
    b"<urlset xmlns:n='urn:n'><url><loc>https://a.b/1</loc><lastmod>2026-11-24</lastmod><n:news><n:title>T</n:title>"
    b"<n:publication_date>2026-11-24T11:00:00Z</n:publication_date></n:news></url></urlset>"
)
_PAGE = (
    b"<html lang='en'><head><meta charset='gb2312'><meta property='article:published_time' content='2026-03-02'>"
    b'<title>T</title><script type="application/ld+json">{"datePublished":"2026-03-02"}</script></head>'
    b"<body><article><h1>Acme</h1><p>Acme lost money in the quarter, and who left for it nobody said.</p></article>"
)
_FIELDS = (
    b"id-1\xffAcme <b>falls</b>\xffText &amp; more\xffhttps://a.b/1\xffAnn\xffen-gb\xff2026-03-02T11:00:00Z\xffwire"
    b"\xffACME,BB"
)
_YAML = b"kafka: {client_id: x}\nsources:\n  - {type: feed, name: w, url: 'https://a.b/'}\n"


def seeds() -> dict[str, list[bytes]]:
    """By target."""
    label = Label(document=_DOCUMENT, prediction=_PREDICTION, labeled_at=_AT)
    letter = wire.encode_dead_letter(_RECORD, InvalidRecordError("no", reason="schema"), stage="classify", at=_AT)
    return {
        "wire": [wire.encode_document(_DOCUMENT), wire.encode_label(label), letter, _SENT + b"}"],
        "push": [_SENT + b"}", b"[" + _SENT + b',"entities":["$BB"]},{}]', _SENT + b"}\n" + _SENT + b"}\n"],
        "item": [_FIELDS],
        "clean": [b"<p>Acme &amp; <script>x</script>e\xcc\x81 \xe2\x80\xae</p>", "a\u200db\ufe0f\u0301".encode()],
        "feed": [_RSS, _ATOM],
        "sitemap": [_SITEMAP, _SITEMAP.replace(b"urlset", b"sitemapindex").replace(b"<url>", b"<sitemap>")],
        "page": [_PAGE],
        "json_item": [b'{"id":1,"a":"t","u":"https://a.b/","d":"2026-03-02T11:00:00Z","w":"x","t":[{"s":"AA,B"}]}'],
        "small": [
            b"User-agent: *\nDisallow: /a*b$\nCrawl-delay: 2\xffhttps://a.b:8080/c?d=e#f",
            b"2026-03\xff//x/../y",
        ],
        "body": [b"\x07" + gzip.compress(b"hello"), gzip.compress(b"a") + gzip.compress(b"b")],
        "settings": [_YAML, example_yaml().encode()],
        "watchlist": [b'ticker,name,aliases,isin,codes,exact,unless\nACME,"Acme, Corp",A|B,,,true,x y\n'],
        "request": [
            b"GET\xff/api/v1/alerts\xffa.b:8080\xffBearer x\xffhttps://c.d\xff10.0.0.1, ::1",
            b"POST\xff/livez",
        ],
        "notice": [b"Acme <b>falls</b>\xffwire\xffAnn\xffhttps://a.b/1\xffEarnings\xffACME\xffSpike"],
    }

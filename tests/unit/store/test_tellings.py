"""Tellings: a story counts once in every series, caps hold, and how a stream is cut into batches changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.domain import ALL, EVERY_SERIES, Abstention, CapReason, Label, SourceClass, Telling
from monitor.settings import GuardSettings
from monitor.store.evidence import story_of
from monitor.store.tellings import Slot, StoryState, Told, load_state, possible_slots, speeches, tell
from pipelines.guard import Guard
from tests.fixtures.stores import T0, label

GUARD = Guard(GuardSettings(author_stories=2, author_stories_in_all=5, domain_stories=3, post_entities=2))


def told(labels: Sequence[Label], guard: Guard | None = None) -> Told:
    """What becomes of `labels` where nothing was told before."""
    return tell(speeches(labels, guard), {story_of(one): StoryState() for one in labels})


def post(id_: str, *, author: str = "ann", story: str = "", entities: tuple[str, ...] = ("ACME",)) -> Label:
    """A post."""
    return label(id_, author=author, story=story, entities=entities, source_class=SourceClass.SOCIAL)


def test_a_copy_tells_only_where_its_story_was_not_told() -> None:
    """A post that repeats the news is no second story of ACME, but the first among posts, and the first of BETA."""
    found = told([label("a", story="s"), post("b", story="s", entities=("ACME", "BETA")), label("c", story="s")])

    assert found.tellings == {
        ("a", ALL): Telling(told=EVERY_SERIES),
        ("a", "ACME"): Telling(told=EVERY_SERIES),
        ("b", ALL): Telling(told=0b1010),
        ("b", "ACME"): Telling(told=0b1010),
        ("b", "BETA"): Telling(told=EVERY_SERIES),
    }
    assert found.stories == 1


def test_another_topic_is_another_series() -> None:
    """A follow-up that reads differently may have a topic of its own, where the story is new."""
    found = told([label("a", story="s"), label("b", story="s", topic="legal"), label("c", story="s", topic="legal")])

    assert found.tellings["b", "ACME"] == Telling(told=0b1100)
    assert ("c", "ACME") not in found.tellings


def test_what_no_model_read_leaves_the_story_to_be_told() -> None:
    """It adds no story, so it must not use one up."""
    unread = label("a", story="s")
    unread = Label(
        document=unread.document,
        prediction=unread.prediction.__class__(
            topic="", topic_probability=0.0, probabilities=unread.prediction.probabilities, model="m",
            abstained=Abstention.LANGUAGE,
        ),
        labeled_at=unread.labeled_at,
    )  # fmt: skip

    assert set(told([unread, label("b", story="s")]).tellings) == {("b", ALL), ("b", "ACME")}


def test_an_author_tells_so_many_and_the_rest_is_held_back() -> None:
    """One account with a template and a long list of accusations is one voice."""
    found = told([post(f"d{n}") for n in range(4)], GUARD)

    assert [found.tellings[f"d{n}", "ACME"].told for n in range(4)] == [EVERY_SERIES] * 2 + [0] * 2
    assert [found.tellings[f"d{n}", "ACME"].held_back for n in range(4)] == [0] * 2 + [EVERY_SERIES] * 2
    assert [found.tellings[f"d{n}", ALL].told for n in range(4)] == [EVERY_SERIES] * 4
    assert found.held_back == {CapReason.AUTHOR: {"d2", "d3"}}


def test_what_is_held_back_may_be_told_by_another_voice() -> None:
    """Otherwise a bot could silence a story by telling it first; a story held back twice is one story."""
    flood = [post(f"f{n}") for n in range(2)]
    found = told(
        [*flood, post("a", story="s"), post("b", story="s"), post("c", story="s", author="bob"), post("d", story="s")],
        GUARD,
    )

    assert found.tellings["a", "ACME"] == Telling(held_back=EVERY_SERIES)
    assert ("b", "ACME") not in found.tellings
    assert found.tellings["c", "ACME"] == Telling(told=EVERY_SERIES)
    assert ("d", "ACME") not in found.tellings


def test_a_copy_uses_up_nothing() -> None:
    """Whoever shares what others told has told nothing, and may still tell."""
    copies = [post(f"c{n}", author="bob", story="s") for n in range(9)]
    found = told([post("a", story="s"), *copies, post("own", author="bob")], GUARD)

    assert found.tellings["own", "ACME"] == Telling(told=EVERY_SERIES)


def test_a_bot_that_names_nobody_does_not_move_the_whole() -> None:
    """A thousand different complaints of one account are not a thousand stories."""
    found = told([post(f"d{n}", entities=()) for n in range(1000)], GUARD)

    assert found.stories == 5
    assert len(found.held_back[CapReason.AUTHOR]) == 995


def test_a_story_of_before_the_upgrade_is_told_everywhere() -> None:
    """Where it was told is not known; a copy must not count it again."""
    found = tell(speeches([label("b", story="s")], GUARD), {"s": load_state(None)})

    assert found.tellings == {}


def test_every_slot_that_is_asked_for_was_taken() -> None:
    """A slot that is not locked may be overrun by another worker."""
    labels = [post("a"), post("b", entities=("X", "Y", "Z")), post("c", story="old"), label("d")]
    spoken = speeches(labels, GUARD)
    states = {story_of(one): StoryState() for one in labels} | {"old": load_state(None)}
    wanted = possible_slots(spoken, states)

    assert tell(spoken, states).used.keys() <= wanted.keys()
    assert sum(wanted.values()) == 4, "ann on ACME and twice over all, the wire on ACME; none for the list, or the old"


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_how_a_stream_is_cut_into_batches_changes_nothing(data: st.DataObject) -> None:
    """A worker that is slow, one that is fast and a replay see the same counts."""
    labels = data.draw(st.lists(_labels(), min_size=1, max_size=30))
    labels = [_with_id(one, n) for n, one in enumerate(labels)]
    whole = told(labels, GUARD)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(labels)), max_size=6)))

    stored: dict[str, str] = {}
    used: Counter[Slot] = Counter()
    tellings: dict[tuple[str, str], Telling] = {}
    for start, end in zip([0, *cuts], [*cuts, len(labels)], strict=True):
        batch = labels[start:end]
        states = {key: load_state(stored[key]) if key in stored else StoryState() for key in map(story_of, batch)}
        part = tell(speeches(batch, GUARD), states, used)
        stored |= {key: state.dump() for key, state in states.items()}
        used += part.used
        tellings |= part.tellings

    assert tellings == whole.tellings
    assert used == whole.used
    for slot, stories in used.items():
        assert stories <= (5 if slot.entity == ALL else 2 if slot.voice.startswith("author") else 3)


def _labels() -> st.SearchStrategy[Label]:
    return st.builds(
        lambda story, author, entities, source_class, topic, hours: label(
            "x", story=story, author=author, entities=tuple(sorted(entities)), source_class=source_class, topic=topic,
            at=T0 + timedelta(hours=hours),
        ),
        st.sampled_from("stuvwxyz"),
        st.sampled_from(["ann", "bob", None]),
        st.sets(st.sampled_from("ABC"), max_size=3),
        st.sampled_from([SourceClass.NEWS, SourceClass.SOCIAL]),
        st.sampled_from(["earnings", "legal"]),
        st.sampled_from([0, 1, 20]),
    )  # fmt: skip


def _with_id(one: Label, number: int) -> Label:
    document = one.document
    return label(
        f"d{number}", story=document.story_id, author=document.author, entities=document.entities,
        source_class=document.source_class, topic=one.prediction.topic, at=document.published_at,
    )  # fmt: skip

"""The rules of triage, as tables: patterns, strategies, priorities, triggers, windows, states."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from foureyes.config.triage import Triage
from foureyes.errors.bug_class import BugClass
from foureyes.errors.group import Group, Status
from foureyes.exceptions import CaseStateError
from foureyes.forgewright.case import NEXT, Case, CaseState
from foureyes.forgewright.intake import left_out
from foureyes.forgewright.patterns import PATTERNS, Category, Pattern, Strategy, detected, strategy_of
from foureyes.forgewright.priority import Priority, priority_of
from foureyes.forgewright.sighting import sighted
from foureyes.forgewright.triggers import Trigger, trigger_of

AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
BY_NAME = {pattern.name: pattern for pattern in PATTERNS}

CATEGORIES = {
    Category.TIMEOUT: {"iteration_timeout", "streaming_timeout"},
    Category.TOOL: {"tool_failure", "tool_timeout"},
    Category.TOKEN_AND_API: {"token_limit", "rate_limit"},
    Category.CODE_QUALITY: {"ts_error", "lsp_error"},
    Category.STREAMING: {"streaming_json_error", "streaming_data_loss"},
    Category.DATABASE: {"database_error"},
    Category.RESOURCE: {"memory_limit", "disk_space"},
    Category.AGENT: {"infinite_loop", "decision_loop"},
}
BY_TYPE = [
    ("ServerTimeoutError", "iteration_timeout"),
    ("TimeoutError", "iteration_timeout"),
    ("SourceHungError", "streaming_timeout"),
    ("StrangerError", "tool_failure"),  # a ServerStartError
    ("ServerDownError", "tool_failure"),
    ("subprocess.TimeoutExpired", "tool_timeout"),
    ("ContextOverflowError", "token_limit"),
    ("QueueFullError", "rate_limit"),  # a ServerBusyError
    ("AttributeError", "ts_error"),
    ("ModuleNotFoundError", "lsp_error"),  # an ImportError
    ("WrongModelError", "streaming_json_error"),  # a ServerReplyError
    ("AnswerCutError", "token_limit"),  # a ServerReplyError too: the nearer one wins
    ("BrokenPipeError", None),
    ("BadPictureError", "streaming_data_loss"),
    ("pymongo.errors.AutoReconnect", "database_error"),
    ("SpoolCorruptError", "database_error"),
    ("MemoryError", "memory_limit"),
    ("RecursionError", "infinite_loop"),
    ("BreakerOpenError", "decision_loop"),  # a ServerBusyError too: the nearer one wins
    ("InferenceError", None),
    ("KeyError", None),
    ("nobody.knows.ThisError", None),
    ("ConfigFault", None),
    ("__import__", None),
]
BY_WORDS = [
    ("iteration_timeout", "the look timed out", "the timer is out of order"),
    ("streaming_timeout", "source 'main' has stalled", "the source is frozenset({1})"),
    ("tool_failure", "the command 'lms' ended at once", "the command ended with exit code 0"),
    ("tool_timeout", "the command 'lms' did not end within 5 s", "the command did end within 5 s"),
    ("token_limit", "the prompt is larger than the model's context", "tokens used: 12"),
    ("rate_limit", "429: rate limit exceeded", "the frame rate has no limit"),
    ("ts_error", "error TS2345: argument of type", "2 errors, see TS for details"),
    ("lsp_error", "the language server found 3 errors", "the server's language is English"),
    ("streaming_json_error", "the server sent broken JSON", "JSON is what it sends"),
    ("streaming_data_loss", "incomplete read: 7 of 100 bytes", "the read is complete"),
    ("database_error", "the database is locked", "no database is configured"),
    ("memory_limit", "CUDA error: out of memory", "memory: 12 MB free"),
    ("disk_space", "[Errno 28] No space left on device", "there is space left on the device"),
    ("infinite_loop", "maximum recursion depth exceeded", "the loop ended"),
    ("decision_loop", "it failed 5 times in a row", "it failed once"),
]
UNKNOWN = ["0 errors, 12 tests passed", "no error", "error", "everything failed successfully", ""]


def test_the_patterns_are_those_of_the_requirements() -> None:
    """Each name that the requirements list is there once, in the category where they list it."""
    found = {
        category: {pattern.name for pattern in PATTERNS if pattern.category is category} for category in Category
    }
    assert found == CATEGORIES
    assert len(BY_NAME) == len(PATTERNS)


@pytest.mark.parametrize(("kind", "name"), BY_TYPE)
def test_a_type_tells_the_pattern(kind: str, name: str | None) -> None:
    """The nearest type in the hierarchy that a pattern names decides; unknown types decide nothing."""
    assert _name(detected(kind, [], "it went wrong")) == name


@pytest.mark.parametrize(("name", "positive", "negative"), BY_WORDS)
def test_words_tell_the_pattern(name: str, positive: str, negative: str) -> None:
    """Where no type tells it the message's words do, and a near miss does not."""
    assert _name(detected("RuntimeError", [], positive)) == name
    assert _name(detected("RuntimeError", [], negative)) is None


def test_every_pattern_has_words_and_all_but_the_full_disk_a_type() -> None:
    """The tables above leave out no pattern."""
    assert {name for name, _, _ in BY_WORDS} == set(BY_NAME)
    assert {name for _, name in BY_TYPE} - {None} == set(BY_NAME) - {"disk_space"}


@pytest.mark.parametrize("message", UNKNOWN)
def test_ordinary_words_tell_nothing(message: str) -> None:
    """Text that merely has the word error in it is no pattern, and what nobody knows is for a person."""
    assert detected("RuntimeError", [], message) is None
    assert strategy_of(None) is Strategy.MANUAL


def test_a_type_goes_before_words_and_its_own_before_its_causes() -> None:
    """C60: the exception's type decides, then its causes' types, then words of the message."""
    assert _name(detected("ServerTimeoutError", ["MemoryError"], "no space left on device")) == "iteration_timeout"
    assert _name(detected("InferenceError", ["MemoryError"], "no space left on device")) == "memory_limit"
    assert _name(detected("InferenceError", [], "no space left on device")) == "disk_space"


def test_the_longest_match_wins() -> None:
    """A command that timed out is a tool's timeout, not just any."""
    assert _name(detected("RuntimeError", [], "the command `lms server start` timed out")) == "tool_timeout"


def test_of_equal_matches_the_firmer_strategy_wins() -> None:
    """Manual goes before escalate, retry and fallback."""
    assert [str(each) for each in Strategy] == ["manual", "escalate", "retry", "fallback"]
    found = detected("RuntimeError", [], "infinite loop; out of memory")  # thirteen letters each
    assert found is not None
    assert found.strategy is Strategy.MANUAL


def test_long_messages_are_looked_at_within_a_bound() -> None:
    """Words far behind the beginning of a huge message tell nothing."""
    assert detected("RuntimeError", [], "x " * 5_000_000 + "out of memory") is None


@pytest.mark.parametrize(
    ("severity", "failures", "components", "expected"),
    [
        ("low", 1, 1, Priority.LOW),
        ("low", 9, 2, Priority.LOW),
        ("low", 10, 1, Priority.MEDIUM),
        ("low", 1, 3, Priority.MEDIUM),
        ("low", 10, 3, Priority.HIGH),
        ("medium", 10, 3, Priority.CRITICAL),
        ("high", 1, 1, Priority.HIGH),
        ("high", 1000, 1, Priority.CRITICAL),
        ("critical", 1, 1, Priority.CRITICAL),
        ("critical", 1000, 9, Priority.CRITICAL),
    ],
)
def test_priority(severity: str, failures: int, components: int, expected: Priority) -> None:
    """Often and far make a fault more urgent than it is by itself, and nothing is more than critical."""
    assert priority_of(severity, failures, components) is expected


@pytest.mark.parametrize(
    ("bug_class", "expected"),
    [
        (BugClass.VISION_INFERENCE, Trigger.FINAL_INFERENCE_FAILURE),
        (BugClass.SERVER_TIMEOUT, Trigger.SERVER_TIMEOUT),
        (BugClass.SERVER_CRASH, Trigger.SERVER_CRASH),
        (BugClass.DATE_OVERFLOW, Trigger.DATE_OVERFLOW),
        (BugClass.DATABASE, Trigger.MONGODB_LOST),
        (BugClass.SOURCE, Trigger.OBS_LOST),
        (BugClass.SERVER_CONNECTION, None),
        (BugClass.PICTURE, None),
        (BugClass.CONFIGURATION, None),
        (BugClass.UNKNOWN, None),
    ],
)
def test_some_classes_are_a_case_at_once(bug_class: BugClass, expected: Trigger | None) -> None:
    """The first fault of the classes that the requirements name is enough; of the others it is not."""
    assert trigger_of(_group(bug_class=bug_class), 1, 1, Triage()) is expected


@pytest.mark.parametrize(
    ("count", "failures", "components", "status", "expected"),
    [
        (2, 2, 1, Status.NEW, None),
        (3, 3, 1, Status.NEW, Trigger.REPEATED),
        (9, 2, 1, Status.NEW, None),
        (10, 2, 1, Status.NEW, Trigger.RECURRING_PATTERN),
        (2, 1, 2, Status.NEW, None),
        (2, 1, 3, Status.NEW, Trigger.RECURRING_PATTERN),
        (2, 1, 1, Status.REGRESSED, Trigger.RECURRING_PATTERN),
    ],
)
def test_other_faults_are_a_case_when_they_come_again(
    count: int, failures: int, components: int, status: Status, expected: Trigger | None
) -> None:
    """Three in the window, ten at all, three components, or one that was resolved: each is enough."""
    assert trigger_of(_group(count=count, status=status), failures, components, Triage()) is expected


def test_a_window_counts_what_is_new_in_it() -> None:
    """A window goes on while faults fall into it, and the next one begins with the faults behind it."""
    first = sighted(None, _group(count=2), 300)
    assert first.failures == 2
    second = sighted(first, _group(count=5, last_s=200), 300)
    assert second.failures == 5
    third = sighted(second, _group(count=6, last_s=400), 300)
    assert third.failures == 1
    assert sighted(third, _group(count=8, last_s=500), 300).failures == 3


def test_of_an_old_group_only_the_last_fault_is_surely_in_the_window() -> None:
    """A count that grew over days is not taken for a burst."""
    assert sighted(None, _group(count=50, last_s=86_400), 300).failures == 1


@pytest.mark.parametrize("before", CaseState)
@pytest.mark.parametrize("after", CaseState)
def test_states(before: CaseState, after: CaseState) -> None:
    """A case becomes what the table allows and nothing else, and says so."""
    case = _case(state=before)
    if after in NEXT[before]:
        assert case.moved(after).state is after
    else:
        with pytest.raises(CaseStateError, match=f"is {before} and cannot become {after}"):
            case.moved(after)


def test_nothing_is_applied_without_approval_and_nothing_approved_without_verification() -> None:
    """The only way to applied leads through fix proposed, verified and approved."""
    ways = {after: {before for before in NEXT if after in NEXT[before]} for after in CaseState}
    assert ways[CaseState.APPLIED] == {CaseState.APPROVED}
    assert ways[CaseState.APPROVED] == {CaseState.VERIFIED}
    assert ways[CaseState.VERIFIED] == {CaseState.FIX_PROPOSED}


@pytest.mark.parametrize(
    ("status", "state", "age_s", "expected"),
    [
        (Status.NEW, None, 0, None),
        (Status.MUTED, None, 0, "muted"),
        (Status.NEW, CaseState.NEW, 1e6, "once"),
        (Status.TRIAGED, CaseState.HANDED_OVER, 1e6, "once"),
        (Status.REGRESSED, CaseState.NEW, 1e6, "once"),
        (Status.REGRESSED, CaseState.HANDED_OVER, 10, "cooldown"),
        (Status.REGRESSED, CaseState.HANDED_OVER, 1e6, None),
        (Status.TRIAGED, CaseState.APPLIED, 1e6, "once"),  # the daemon that runs has the old code
        (Status.REGRESSED, CaseState.APPLIED, 10, "cooldown"),
        (Status.REGRESSED, CaseState.APPLIED, 1e6, None),
        (Status.NEW, CaseState.REJECTED, 1e6, "once"),
    ],
)
def test_one_case_a_group(status: Status, state: CaseState | None, age_s: float, expected: str | None) -> None:
    """A group has one case; another one only when its fault is back and the last one is old enough."""
    now = AT + timedelta(seconds=age_s)
    handed_over_at = None if state in {None, CaseState.NEW} else AT
    last = None if state is None else _case(state=state, handed_over_at=handed_over_at)
    assert left_out(_group(status=status), last, now, Triage()) == expected


def _name(pattern: Pattern | None) -> str | None:
    return None if pattern is None else pattern.name


def _group(
    *, bug_class: str = BugClass.UNKNOWN, count: int = 1, last_s: float = 0, status: Status = Status.NEW
) -> Group:
    return Group(
        "1-abc", "KeyError", "it", "task:x", "high", str(bug_class), AT, AT + timedelta(seconds=last_s), "a", "b",
        count, status,
    )  # fmt: skip


def _case(*, state: CaseState, handed_over_at: datetime | None = None) -> Case:
    return Case(
        id="c", error_id="e", fingerprint="1-abc", trigger=Trigger.REPEATED, priority=Priority.LOW, bug_class="x",
        pattern=None, strategy=Strategy.MANUAL, summary="it", how_to_run=(), created_at=AT, state=state,
        handed_over_at=handed_over_at,
    )  # fmt: skip

"""The table of a server's states, edge by edge."""

import pytest

from foureyes.servers.state import ALLOWED, ServerState

FORBIDDEN = [
    (ServerState.STOPPED, ServerState.READY),
    (ServerState.STARTING, ServerState.READY),
    (ServerState.FAILED, ServerState.READY),
    (ServerState.READY, ServerState.STARTING),
    (ServerState.STOPPING, ServerState.STARTING),
]


def test_every_state_has_its_row_and_can_be_left() -> None:
    """No state is forgotten in the table, and none is a trap."""
    assert set(ALLOWED) == set(ServerState)
    assert all(ALLOWED.values())


def test_every_live_state_can_be_stopped() -> None:
    """A daemon may end at any moment."""
    live = set(ServerState) - {ServerState.STOPPING, ServerState.STOPPED}
    assert all(ServerState.STOPPING in ALLOWED[state] for state in live)


def test_ready_is_reached_through_loading_alone() -> None:
    """Nothing is ready that was not loaded and probed."""
    assert [state for state in ServerState if ServerState.READY in ALLOWED[state]] == [ServerState.LOADING]


@pytest.mark.parametrize(("before", "after"), FORBIDDEN)
def test_shortcuts_are_forbidden(before: ServerState, after: ServerState) -> None:
    """No start is skipped, and no end is undone."""
    assert after not in ALLOWED[before]

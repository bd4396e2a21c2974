"""A model server that goes away and comes back, from outside."""

from __future__ import annotations

from pathlib import Path

from parts.watched import drawn, task, watching


def test_a_server_that_goes_is_noticed_at_once_and_taken_back(tmp_path: Path) -> None:
    """A refused connection wakes the supervisor; until it is back, changed pictures are no_model, others held."""
    with watching(tmp_path, {"calm": task()}) as watched:
        known = drawn("known")
        watched.screen.show(known)
        watched.settle("calm")
        accepted, seen = watched.readings("calm")[-1], len(watched.readings("calm"))

        watched.engine.kill()
        watched.screen.show(drawn("unknown"))
        watched.daemon.wait(
            lambda: watched.daemon.component("server:engine")["state"] != "ok", "it is noticed", 60
        )
        assert watched.daemon.get("/health")["status"] != "ok"
        assert not watched.daemon.get("/ready")["ready"]
        nothing = watched.wait_reading("calm", seen, origin=None)
        assert set(nothing["withheld"].values()) == {"no_model"}
        assert set(nothing["values"].values()) == {None}
        assert nothing["model"] is None

        watched.screen.show(known)
        held = watched.wait_reading("calm", len(watched.readings("calm")), origin="held")
        assert held["read_frame_id"] == accepted["read_frame_id"]
        assert held["values"] == accepted["values"]

        frames = watched.daemon.frames()
        with watched.engine.again() as engine:
            seen = len(watched.readings("calm"))
            watched.screen.show(drawn("after all"))
            watched.daemon.wait(lambda: watched.daemon.component("server:engine")["state"] == "ok", "it is back")
            assert watched.wait_reading("calm", seen, origin="inferred")["model"] == "calm"
            assert engine.requests("calm")
        assert watched.daemon.frames() > frames
        states = [entry["state"] for entry in watched.events("server.state")]
        assert states.count("ready") == 2

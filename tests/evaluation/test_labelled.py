"""The labelled set in its small form: screens of every layout, read by the engine's reader in process."""

from __future__ import annotations

import pytest
from parts.labelled import in_process, labelled, score
from parts.labelled.folder import write_folder
from parts.labelled.scoring import Read

from foureyes.evaluation.verdict import Verdict

SEED = 20


@pytest.fixture(scope="module")
def read() -> Read:
    """The reader, with nets of its own."""
    return in_process()


def test_screens_are_read_rightly_or_not_at_all(read: Read) -> None:
    """One screen of each layout of the development half: nothing wrong is published, and little is withheld."""
    result = score(labelled(SEED, count=8), read)
    assert result.shown >= 50
    assert result.count(Verdict.WRONG) == 0, result.failures
    assert result.count(Verdict.WITHHELD) <= 0.05 * result.shown, result.failures


def test_small_type_is_withheld(read: Read) -> None:
    """Values under 12 px are not published, and the reason says why."""
    result = score(labelled(SEED, group="under 12 px", count=1), read)
    assert result.published == 0


def test_a_seed_draws_the_same_screens(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Pictures and truth are equal byte by byte; another seed draws others, and the halves share no layout."""
    one, again = (tmp_path_factory.mktemp("set") for _ in range(2))
    for folder in (one, again):
        write_folder(folder, labelled(1, count=4))
    assert [file.read_bytes() for file in sorted(one.iterdir())] == [
        file.read_bytes() for file in sorted(again.iterdir())
    ]
    assert [each.data for each in labelled(2, count=4)] != [each.data for each in labelled(1, count=4)]
    halves = [
        {(each.layout, each.face) for each in labelled(1, held_back=held, count=8)} for held in (False, True)
    ]
    assert not {layout for layout, _ in halves[0]} & {layout for layout, _ in halves[1]}
    assert not {face for _, face in halves[0]} & {face for _, face in halves[1]}

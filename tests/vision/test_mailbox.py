"""The mailbox of one: latest frame wins."""

import asyncio

from foureyes.vision.mailbox import Mailbox


async def test_the_newest_item_wins_and_the_others_are_counted() -> None:
    """A busy reader gets the newest frame next, never a queue of old ones."""
    dropped: list[None] = []
    box: Mailbox[int] = Mailbox(lambda: dropped.append(None))
    for number in range(5):
        box.put(number)
    assert await box.take() == 4
    assert len(dropped) == 4


async def test_what_waits_is_still_read_after_the_source_has_ended() -> None:
    """The last frame of a finite source is read, then the reader is told that no more will come."""
    box: Mailbox[int] = Mailbox(lambda: None)
    box.put(7)
    box.close()
    assert [await box.take(), await box.take()] == [7, None]


async def test_a_reader_waits_for_the_next_item() -> None:
    """A reader that is ahead waits, and gets what comes."""
    box: Mailbox[int] = Mailbox(lambda: None)
    reader = asyncio.create_task(box.take())
    await asyncio.sleep(0)
    assert not reader.done()
    box.put(1)
    assert await reader == 1

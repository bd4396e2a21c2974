"""A set of labelled screens, drawn from a seed, to measure how well values are read.

Half of the layouts and typefaces are held back: whoever works on the reader asks for the other half alone (the
default) and never looks at a failure of the held-back one.

    from pathlib import Path
    from parts.labelled import in_process, labelled, score          # with tests/ on the path

    result = score(labelled(seed=7, count=48), in_process(), keep=Path("failures"))
    print(result)
    for failure in result.failures:
        print(failure)

or from a shell, `PYTHONPATH=tests python -m parts.labelled --count 48 --keep failures`; with `--further` those of
`more`, in layouts and typefaces that are in neither half.

Groups of type sizes: "16-120 px" (the default), "12-15 px", "200 px" and "under 12 px"; a size is that of
`foureyes/engine/ink.py`, in pixels of the finished picture.
"""

from __future__ import annotations

from parts.labelled.items import Item
from parts.labelled.scoring import Failure, Score, in_process, score
from parts.labelled.screens import Group, Screen, labelled, more

__all__ = ["Failure", "Group", "Item", "Score", "Screen", "in_process", "labelled", "more", "score"]

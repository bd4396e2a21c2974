"""Confidence from agreement: a reading is as sure as many reads said the same, whatever a model claims."""

from __future__ import annotations

from collections.abc import Mapping

from foureyes.vision.answer import Answer
from foureyes.vision.finding import Finding

FROM_READS = "agreement of reads"


def confidence_of(answer: Answer, found: Mapping[str, Finding]) -> tuple[float | None, str | None]:
    """The confidence of what is published, its least sure value's, and where it comes from.

    What was read once by one model is as sure as its server's evidence says; without any it is not known.
    """
    known = [each for each in found.values() if each.value is not None]
    agreed = [each for each in known if _alike(each) > 1]
    if not agreed:
        return answer.confidence, answer.confidence_from
    by = next((each.backed_by for each in agreed if each.backed_by), None)
    origin = FROM_READS if by is None else f"{FROM_READS}, confirmed by {by}"
    sure = min(by_agreement(_alike(each)) for each in agreed)
    if len(agreed) == len(known):
        return sure, origin
    if answer.confidence is None:
        return None, None
    return min(sure, answer.confidence), f"{origin}; {answer.confidence_from or answer.server}"


def by_agreement(alike: int) -> float:
    """Laplace's rule of succession: how likely one more read is to say what `alike` of `alike` reads said."""
    return (alike + 1) / (alike + 2)


def _alike(found: Finding) -> int:
    return found.reads + (found.backed_by is not None)

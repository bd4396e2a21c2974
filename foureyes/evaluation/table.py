"""Scores as a table for people: one row a field, one column a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from foureyes.evaluation.score import Score, Tally
from foureyes.evaluation.verdict import Verdict

_CELL = (Verdict.EXACT, Verdict.WRONG, Verdict.WITHHELD, Verdict.MISSING)
_HEAD = "exact/wrong/withheld/missing"


def table(scores: Mapping[str, Score]) -> str:
    """The scores by model, as aligned text."""
    fields = {name: score.fields() for name, score in scores.items()}
    names = sorted({field for tallies in fields.values() for field in tallies})
    rows = [["field", "shown", *scores], ["", "", *(_HEAD for _ in scores)]]
    rows += [_row(name, [tallies.get(name, Tally()) for tallies in fields.values()]) for name in names]
    rows += [_row("all", [score.total() for score in scores.values()]), *_costs(list(scores.values()))]
    return "\n".join([*_aligned(rows), *_not_read(scores)])


def _row(name: str, tallies: list[Tally]) -> list[str]:
    cells = ["/".join(str(tally.verdicts[verdict]) for verdict in _CELL) for tally in tallies]
    return [name, str(tallies[0].shown), *cells]


def _costs(scores: list[Score]) -> Iterable[list[str]]:
    latencies = [score.latency_ms() for score in scores]
    for share in latencies[0]:
        yield [f"latency {share}", "", *(_ms(latency[share]) for latency in latencies)]
    yield ["inferences", "", *(str(score.inferences()) for score in scores)]
    yield ["CPU", "", *("-" if score.cpu_s is None else f"{score.cpu_s:.2f} s" for score in scores)]


def _ms(latency_ms: float | None) -> str:
    return "-" if latency_ms is None else f"{latency_ms:.0f} ms"


def _aligned(rows: list[list[str]]) -> Iterable[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        first, *others = (
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join([first, *others]).rstrip()


def _not_read(scores: Mapping[str, Score]) -> Iterable[str]:
    for name, score in scores.items():
        for outcome in score.outcomes:
            if outcome.error is not None:
                yield f"not read by {name}: {outcome.case.place}, {outcome.case.task}: {outcome.error}"

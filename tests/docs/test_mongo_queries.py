"""The queries of docs/mongo-queries.md, each run against a real server that holds faults of the real writer."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import json_util
from parts.mongo_writing import fault, writing
from pymongo.database import Database

PAGE = Path(__file__).resolve().parents[2] / "docs" / "mongo-queries.md"
QUERIES = re.findall(r"```js\n(.*?)\n```", PAGE.read_text("utf-8"), re.DOTALL)
CALL = re.compile(r"\.(\w+)\(([^()]*)\)")
DATE = re.compile(r"new Date\((?:Date\.now\(\) - (\d+))?\)")
GROUP = "1-3d9df0af"
Mongo = Database[dict[str, Any]]


def moment(found: re.Match[str]) -> str:
    """A date of the shell, as JSON that the driver reads."""
    return json_util.dumps(datetime.now(UTC) - timedelta(milliseconds=int(found[1] or 0)))


def run(mongo: Mongo, query: str) -> Any:
    """What a query of the shell gives: a list of documents, a number, or a result of the driver."""
    flat = DATE.sub(moment, " ".join(query.split()))
    names = {"countDocuments": "count_documents", "updateMany": "update_many"}
    answer: Any = mongo[flat.split(".")[1]]
    for method, text in CALL.findall(flat):
        given = json_util.loads(f"[{text}]")
        given = [list(given[0].items())] if method == "sort" else given
        answer = getattr(answer, names.get(method, method))(*given)
    return list(answer) if hasattr(answer, "__next__") else answer


@pytest.fixture
async def filled(mongo_uri: str, mongo: Mongo, tmp_path: Path) -> Mongo:
    """A database with faults of several kinds, brought there by the writer."""
    now = datetime.now(UTC)
    faults = [
        fault(1, group=GROUP, component="task:vision_ocr", bug_class="VisionInference", at=now),
        fault(100, group=GROUP, component="task:vision_ocr", bug_class="VisionInference", at=now),
        fault(3, component="server:studio", message="it did not answer in time", severity="critical"),
        fault(4, machine="another", at=now - timedelta(days=1), severity="low"),
    ]
    async with writing(mongo_uri, mongo, tmp_path) as running:
        running.spool.write(faults)
        await running.until_sent()
        await running.until(lambda: running.groups.count_documents({}) == 3, "the groups are there")
    mongo["decisions"].insert_one({"_id": "d", "at": now, "why": "spans components", "components": ["a", "b"]})
    return mongo


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
async def test_each_query_of_the_page_finds_something(filled: Mongo, query: str) -> None:
    """Every query runs as it is printed, and finds what is there for it to be found."""
    found = run(filled, query)
    assert getattr(found, "modified_count", found)


async def test_what_they_find_is_right(filled: Mongo) -> None:
    """The queries with an answer that can be told beforehand give it."""
    by_title = dict(zip(re.findall(r"^## (.*)$", PAGE.read_text("utf-8"), re.MULTILINE), QUERIES, strict=True))
    hour = run(filled, by_title["What happened in the last hour, by component"])
    assert {each["_id"]: each["events"] for each in hour} == {"task:vision_ocr": 2, "server:studio": 1}
    assert run(filled, by_title["How many are open"]) == 4
    assert [each["occurrence"] for each in run(filled, by_title["Storms: groups of which many are left out"])] == [
        100
    ]
    assert len(run(filled, by_title["All events of one group, the first ones first"])) == 2
    run(filled, by_title["Calling a group resolved, from MongoDB"])
    assert run(filled, by_title["How many are open"]) == 2

"""The pages of docs/: what they name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from foureyes.cli.on_demand import _COMMANDS
from foureyes.config import load_settings
from foureyes.config.alerts import Alerts
from foureyes.telemetry.words import Word

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
WANTED = {"first-hour", "configuration", "service", "alerts", "mongo-queries", "map"}
PATH = re.compile(r"`((?:foureyes|tests|config|scripts|systemd|docs)/[\w./-]+)(?:::(\w+))?`")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")


def test_every_page_is_there() -> None:
    """The first hour, the configuration, the service, the alerts, MongoDB and the map each have their page."""
    assert {page.stem for page in PAGES} >= WANTED


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_names_exists(page: Path) -> None:
    """Each file, each test and each other page that a page names is in this project."""
    text = page.read_text("utf-8")
    for path, test in PATH.findall(text):
        assert (ROOT / path).exists(), path
        assert not test or f"def {test}(" in (ROOT / path).read_text("utf-8"), f"{path}::{test}"
    for target in LINK.findall(text):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_on_a_page_are_commands(page: Path) -> None:
    """Each `foureyes NAME` that a page tells to type is a command."""
    typed = set(re.findall(r"(?:^|`|\$ )foureyes ([a-z]+)", page.read_text("utf-8"), re.MULTILINE))
    assert typed <= _COMMANDS.keys()


def rows(heading: str) -> list[list[str]]:
    """The rows of a table of the map, each as its cells."""
    section = (ROOT / "docs" / "map.md").read_text("utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_all_eighteen_boxes_are_on_the_map() -> None:
    """Each box of the main document has a module of ours and a test that shows it."""
    boxes = rows("The eighteen boxes")
    assert [int(box.split()[0]) for box, _, _ in boxes] == list(range(1, 19))
    for box, modules, tests in boxes:
        assert all(path.startswith("foureyes/") for path, _ in PATH.findall(modules)), box
        assert PATH.findall(modules), box
        assert all(path.startswith("tests/") and test for path, test in PATH.findall(tests)), box
        assert PATH.findall(tests), box


def test_every_name_of_the_main_document_is_on_the_map() -> None:
    """Each class and interface that it names is found by that name, with the module that does its work."""
    names = {name for cell, *_ in rows("The names") for name in cell.split(", ")}
    assert names >= {
        "FourEyesAgent", "LMStudioProcessManager", "ILMStudioProcessManager", "VisionInferenceService",
        "IVisionInferenceService", "VisionAnalysis", "VisionAnalysisCache", "ModelCache", "ResourceMonitor",
        "IResourceMonitor", "ResourceAwareRouter", "IModelRouter", "CerberusProtocol",
        "ExceptionInterceptorMiddleware", "AutoBugLogger", "IAutoBugLogger", "PlatformGenerator",
        "ForgewrightTriggerService", "ForgewrightTask", "ERR0R", "T00L5ET", "W4TCHD0G", "PROF3T", "C0MMON",
    }  # fmt: skip
    assert all(PATH.findall(modules) for _, modules, _ in rows("The names"))


def test_every_alert_and_every_word_is_explained() -> None:
    """The page of alerts has each kind of rule, each rule for Prometheus and each word, and names no others."""
    page = (ROOT / "docs" / "alerts.md").read_text("utf-8")
    rules = (ROOT / "config" / "prometheus" / "foureyes.rules.yml").read_text("utf-8")
    assert set(re.findall(r"^### `(\w+)`", page, re.MULTILINE)) == {*Alerts().in_force, "reading"}
    assert set(re.findall(r"^\| `(FourEyes\w+)`", page, re.MULTILINE)) == set(re.findall(r"- alert: (\w+)", rules))
    assert set(re.findall(r"^\| `([a-z]+)`", page, re.MULTILINE)) == set(Word)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples_of_configuration_are_valid(page: Path, tmp_path: Path) -> None:
    """Each piece of a configuration file that a page shows is taken by FourEyes, on top of the shipped one."""
    shipped = yaml.safe_load((ROOT / "config" / "foureyes.yaml").read_text("utf-8"))
    shipped["models"] = str(ROOT / "config" / "models.json")
    for number, text in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text("utf-8"), re.DOTALL)):
        if not text.startswith("# prometheus.yml"):
            file = tmp_path / f"{number}.yaml"
            file.write_text(yaml.safe_dump({**shipped, **yaml.safe_load(text)}), "utf-8")
            assert load_settings(file)

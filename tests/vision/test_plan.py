"""A task's plan: which pictures it is read from."""

from foureyes.config.settings import DemoSource, Model, Task
from foureyes.frames.region import WHOLE, Region
from foureyes.vision.plan import plan_for

MONEY = {"type": ["string", "null"], "format": "money"}
MODELS = {"read": Model(model_id="ocr", prompt="Read it.")}


def task(**regions: tuple[float, float, float, float]) -> Task:
    schema = {"type": "object", "properties": {"grand": MONEY, "balance": MONEY}}
    return Task(models=["read"], schema=schema, regions=regions)


def test_without_regions_the_whole_frame_is_one_picture() -> None:
    """A task without regions is read from the whole frame."""
    plan = plan_for("money", task(), MODELS, DemoSource(kind="demo"))
    assert plan.regions == (WHOLE,)
    assert plan.schema["x-pictures"] == 1
    assert "x-alone" not in plan.schema["properties"]["grand"]
    assert plan.prompt == "Read it."


def test_a_field_with_a_region_has_a_picture_of_its_own() -> None:
    """A field's region is its own picture, in which its value stands alone; the rest share the task's."""
    plan = plan_for("money", task(grand=(0.0, 0.0, 0.5, 0.5)), MODELS, DemoSource(kind="demo"))
    grand, balance = plan.schema["properties"]["grand"], plan.schema["properties"]["balance"]
    assert plan.regions[grand["x-picture"]] == Region(0.0, 0.0, 0.5, 0.5)
    assert plan.regions[balance["x-picture"]] == WHOLE
    assert (grand["x-alone"], "x-alone" in balance) == (True, False)


def test_a_source_may_override_regions() -> None:
    """The source's own region wins over the task's."""
    source = DemoSource(kind="demo", regions={"money": {"grand": (0.5, 0.5, 0.5, 0.5)}})
    plan = plan_for("money", task(grand=(0.0, 0.0, 0.5, 0.5)), MODELS, source)
    assert Region(0.5, 0.5, 0.5, 0.5) in plan.regions
    assert Region(0.0, 0.0, 0.5, 0.5) not in plan.regions


def test_what_shapes_an_answer_is_in_the_identity() -> None:
    """Another prompt, schema or temperature is another question to the cache."""
    source = DemoSource(kind="demo")
    plain = task()
    variants = [
        plain,
        plain.model_copy(update={"prompt": "Read it well."}),
        plain.model_copy(update={"temperature": 0.7}),
        task(grand=(0.0, 0.0, 0.5, 0.5)),
    ]
    assert len({plan_for("money", variant, MODELS, source).identity for variant in variants}) == len(variants)


def test_motion_needs_a_pair() -> None:
    """A field that tells motion makes the task read pairs."""
    schema = {
        "type": "object",
        "properties": {"reels": {"enum": ["on", "off", None], "x-motion": {"moving": "on", "still": "off"}}},
    }
    moving = plan_for("reels", Task(models=["read"], schema=schema), MODELS, DemoSource(kind="demo"))
    assert moving.pair
    assert not plan_for("money", task(), MODELS, DemoSource(kind="demo")).pair

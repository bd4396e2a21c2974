"""The x- keywords of an answer's schema: what each may hold.

On a field:

- `x-labels`        further texts under which a field stands, beside its `title`
- `x-decimals`      number of decimals that a money or number field always shows
- `x-decimal-sign`  "." or ","
- `x-cues`          for an enum: member to {texts: [...], motion: moving|still}
- `x-motion`        {moving: VALUE, still: VALUE}: the field tells motion, read from a pair of pictures
- `x-motion-region` x, y, width, height as fractions of the picture: where motion counts
- `x-sign`          error_text | dialog | disconnected | black | blank (one colour, whichever) | frozen: what the
                    `signs` model answers here
- `x-max-step`      largest plausible difference between two published values of a number or an amount
- `x-max-step-percent`  the same as a share of the earlier value; where both are given, both hold
- `x-clock`         true, or seconds: the source's own clock, a time or a number; standing still for longer than it
                    counts in (a second or a minute as it shows, or these seconds) means that the source is frozen
- `x-taught`        for an enum: member to the digests of pictures that show it (set by the daemon from what
                    `foureyes teach` keeps)
- `x-taught-region` x, y, width, height as fractions: where in these pictures to look (set by the daemon)
- `x-picture`       index of the picture that the field is read from (set by the daemon from `regions`)
- `x-alone`         the picture holds this field's value alone, with or without a label (set by the daemon)

On the schema itself:

- `x-order`         names of numbers or amounts, each at least as large as the next: [grand, major, minor]
- `x-pictures`      how many pictures are current; as many again are the earlier ones (set by the daemon)
- `x-memo-age-s`    what the engine remembers from before this many seconds is read anew (set by the daemon)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from jsonschema import Draft202012Validator
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)


def _inside_picture(rect: list[float]) -> list[float]:
    x, y, width, height = rect
    if min(rect) < 0 or width == 0 or height == 0 or x + width > 1.000001 or y + height > 1.000001:
        raise ValueError("x, y, width, height are fractions of the picture, and the rectangle lies inside it")
    return rect


_AMOUNTS = ("money", "percent")
_TIMES = ("time", "date-time")
"""Formats of texts that are numbers, and of those that tell the time of day."""

_DAY_S = 86_400

MOST_TAUGHT = 5
"""Pictures of one member: more tell no more, and each costs time at every look."""

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Fractions = Annotated[list[float], Field(min_length=4, max_length=4), AfterValidator(_inside_picture)]


class Keywords(BaseModel):
    """What all groups of keywords share: nothing is converted, and an unknown one is a fault."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class XKeywords(Keywords):
    """Keywords that start with x-; one that stands there has a value, so none may be null."""

    model_config = ConfigDict(alias_generator=lambda name: f"x-{name.replace('_', '-')}")


class Cue(Keywords):
    """What tells one member of an enum: what is written, or what moves."""

    texts: list[ShortText] = []
    motion: Literal["moving", "still"] = "still"


class Verdicts(Keywords):
    """A field's value while its picture moves, and while it is still."""

    moving: Any
    still: Any


class FieldKeywords(XKeywords):
    """The x- keywords of one field; the validation context is the field's own schema."""

    labels: list[ShortText] = []
    decimals: int = Field(0, ge=0, le=10)
    decimal_sign: Literal[".", ","] = "."
    cues: dict[str, Cue] = {}
    motion: Verdicts = Verdicts(moving=None, still=None)
    motion_region: Fractions = [0, 0, 1, 1]
    max_step: float = Field(1.0, gt=0)
    max_step_percent: float = Field(1.0, gt=0)
    clock: Any = True
    taught: dict[str, Annotated[list[Digest], Field(min_length=1, max_length=MOST_TAUGHT)]] = {}
    taught_region: Fractions = [0, 0, 1, 1]
    sign: Literal["error_text", "dialog", "disconnected", "black", "blank", "frozen"] = "dialog"
    picture: int = Field(0, ge=0)
    alone: bool = False

    @field_validator("cues", "taught")
    @classmethod
    def _of_members(cls, by_member: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        members = _field_of(info).get("enum", [])
        if strangers := [name for name in by_member if name not in members]:
            raise ValueError(f"each entry is for a member of the field's enum, and {strangers[0]!r} is none")
        return by_member

    @field_validator("motion")
    @classmethod
    def _values_of_the_field(cls, motion: Verdicts, info: ValidationInfo) -> Verdicts:
        values = Draft202012Validator(_field_of(info))
        for value in (motion.moving, motion.still):
            if not values.is_valid(value):
                raise ValueError(f"moving and still are values that the field allows, and {value!r} is none")
        return motion

    @field_validator("max_step", "max_step_percent")
    @classmethod
    def _steps_of_numbers(cls, step: float, info: ValidationInfo) -> float:
        if not is_number(_field_of(info)):
            raise ValueError("only a number, an amount or a percentage goes in steps")
        return step

    @field_validator("clock")
    @classmethod
    def _clock_that_counts(cls, clock: Any, info: ValidationInfo) -> Any:
        is_seconds = isinstance(clock, int | float) and not isinstance(clock, bool)
        if clock is not True and not (is_seconds and 0 < clock <= _DAY_S):
            raise ValueError("true, or the seconds in which it counts: more than 0, at most a day")
        field = _field_of(info)
        if field.get("format") not in _TIMES and not is_number(field):
            raise ValueError("a clock is a time (format: time or date-time) or a number that counts")
        return clock


class SchemaKeywords(XKeywords):
    """The x- keywords of the schema itself."""

    order: list[ShortText] = Field([], min_length=2)
    pictures: int = Field(1, ge=1)
    memo_age_s: float = Field(0.0, ge=0)


def is_number(field: Mapping[str, Any]) -> bool:
    """Whether a field's values are numbers: by its type, or as amounts and percentages that are texts."""
    declared = field.get("type", ())
    types = {declared} if isinstance(declared, str) else set(declared)
    return "enum" not in field and (bool(types & {"number", "integer"}) or field.get("format") in _AMOUNTS)


def _field_of(info: ValidationInfo) -> dict[str, Any]:
    return dict(info.context or {})

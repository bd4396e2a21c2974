"""The x- keywords of an answer's schema: what each may hold.

On a field:

- `x-labels`        further texts under which a field stands, beside its `title`
- `x-decimals`      number of decimals that a money or number field always shows
- `x-decimal-sign`  "." or ","
- `x-cues`          for an enum: member to {texts: [...], motion: moving|still}
- `x-motion`        {moving: VALUE, still: VALUE}: the field tells motion, read from a pair of pictures
- `x-motion-region` x, y, width, height as fractions of the picture: where motion counts
- `x-sign`          error_text | dialog | disconnected | black | frozen: what the `signs` model answers here
- `x-picture`       index of the picture that the field is read from (set by the daemon from `regions`)
- `x-alone`         the picture holds this field's value alone, with or without a label (set by the daemon)

On the schema itself, both set by the daemon:

- `x-pictures`      how many pictures are current; as many again are the earlier ones
- `x-memo-age-s`    what the engine remembers from before this many seconds is read anew
"""

from __future__ import annotations

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
    sign: Literal["error_text", "dialog", "disconnected", "black", "frozen"] = "dialog"
    picture: int = Field(0, ge=0)
    alone: bool = False

    @field_validator("cues")
    @classmethod
    def _cues_of_members(cls, cues: dict[str, Cue], info: ValidationInfo) -> dict[str, Cue]:
        members = _field_of(info).get("enum", [])
        if strangers := [name for name in cues if name not in members]:
            raise ValueError(f"each cue is for a member of the field's enum, and {strangers[0]!r} is none")
        return cues

    @field_validator("motion")
    @classmethod
    def _values_of_the_field(cls, motion: Verdicts, info: ValidationInfo) -> Verdicts:
        values = Draft202012Validator(_field_of(info))
        for value in (motion.moving, motion.still):
            if not values.is_valid(value):
                raise ValueError(f"moving and still are values that the field allows, and {value!r} is none")
        return motion


class SchemaKeywords(XKeywords):
    """The x- keywords of the schema itself."""

    pictures: int = Field(1, ge=1)
    memo_age_s: float = Field(0.0, ge=0)


def _field_of(info: ValidationInfo) -> dict[str, Any]:
    return dict(info.context or {})

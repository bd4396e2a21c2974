"""The section `mongo`: where recorded faults go besides the state folder."""

from __future__ import annotations

from pydantic import Field, SecretStr

from foureyes.config.section import Name, Section


class Mongo(Section):
    """The MongoDB that gets the recorded faults; without a uri they stay in the state folder alone."""

    uri: SecretStr | None = Field(
        None, description="mongodb://user:password@host:27017; its place is the environment: FOUREYES_MONGO__URI"
    )
    database: Name = "foureyes"
    events: Name = Field("ERR0R", description="the collection of fault events")
    groups: Name = Field("ERR0R_groups", description="the collection of groups of alike faults")
    decisions: Name = Field("decisions", description="the collection of decision documents")
    retention_days: float = Field(14.0, gt=0, le=3650, description="older events are deleted from MongoDB")
    selection_timeout_s: float = Field(2.0, ge=0.1, le=60, description="how long a server is looked for")
    batch: int = Field(100, ge=1, le=1000, description="documents written at once")

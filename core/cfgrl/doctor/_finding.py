"""What the examination of a machine answers about one thing."""

import dataclasses
from typing import Any, Literal

from cfgrl._errors import ConfigError


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    **Arguments:**

    - `name`: what was looked at.
    - `status`: `ok`; `note`, something optional that is missing; `broken`, something that cfgrl cannot do without.
    - `detail`: what was found.
    - `remedy`: the sentence that mends it, where there is something to mend.
    - `facts`: the same for programs.
    - `exit_code`: what a command ends with where this is broken.
    """

    name: str
    status: Literal["ok", "note", "broken"]
    detail: str
    remedy: str | None = None
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)
    exit_code: int = ConfigError.exit_code

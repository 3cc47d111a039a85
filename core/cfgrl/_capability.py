"""Capabilities: the names by which parts say what they provide and need.

`guidance.needs` must lie within `labeler.provides | policy.provides`. Plugins may use further names; these are the
ones that the core can explain.
"""

CAPABILITIES = {
    "goal": ("labeler", "the label carries a goal as its context, which the policy sees and guidance can null"),
    "advantage": ("labeler", "the label carries an advantage A(s, a), without which there is nothing to weight by"),
    "critic": ("labeler", "the labeler can score a proposed action"),
    "field": ("policy", "the policy samples by integrating a velocity or noise field, which guidance can combine"),
    "mode": ("policy", "the policy has a most likely action"),
    "log-prob": ("policy", "the policy has a tractable density"),
}


def explain(missing: str, who: dict[str, tuple[str, frozenset[str]]]) -> str:
    """Why a missing capability matters and which part would have to provide it.

    **Arguments:**

    - `missing`: the capability's name.
    - `who`: for each family (`labeler`, `policy`) the class name in use and what it provides.
    """
    family, meaning = CAPABILITIES.get(missing, ("labeler or policy", "a capability that a plugin defines"))
    have = "; ".join(f"{kind} {name} provides {', '.join(sorted(p)) or 'nothing'}" for kind, (name, p) in who.items())
    return (
        f"it needs '{missing}' ({meaning}) from the {family}, but {have}. Choose a {family} that provides '{missing}'"
    )

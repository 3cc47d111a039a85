"""Walks a resolved table and the classes it speaks of, once over their source and once for real.

The first walk reads fields from source text, so that a misspelt key is answered before jax is imported; the second
imports the classes, checks again with their own annotations, and builds. Both collect every problem they meet.
"""

import inspect
from collections.abc import Mapping
from typing import Any, NamedTuple

from cfgrl._errors import CfgrlError, PluginError
from cfgrl._values import Invalid, short
from cfgrl.catalogue._catalogue import Entry
from cfgrl.catalogue._component import families, load_class, reason, singular
from cfgrl.catalogue._fields import MISSING, Field, SourceDefault, class_fields, source_fields
from cfgrl.catalogue._names import did_you_mean
from cfgrl.config._migrate import renamed
from cfgrl.config._problems import Problems
from cfgrl.config._registry import Resolved
from cfgrl.config._tables import Keys, dotted
from cfgrl.config._validate import plain, validate


class Built(NamedTuple):
    """What a table became: the object (`None` in the first walk) and the table with every default filled in."""

    value: Any
    table: Any


class Walk:
    """One pass over a configuration.

    **Arguments:**

    - `resolved`: the configuration.
    - `building`: whether classes are imported and objects made.
    """

    def __init__(self, resolved: Resolved, *, building: bool):
        self.resolved = resolved
        self.building = building
        self.problems = Problems(resolved)
        #: Versions by name of the distributions whose components were met.
        self.used: dict[str, str] = {}

    def table(self, path: Keys, value: Any) -> dict[str, Any]:
        """A value that has to be a table."""
        if isinstance(value, Mapping):
            return dict(value)
        self.problems.add(path, f"must be a table, not {plain(value)!r}")
        return {}

    def section(self, target: str, path: Keys, table: Any) -> Built:
        """A settings class: every key has a default."""
        return self._make(target, path, self.table(path, {} if table is MISSING else table), target.partition(":")[2])

    def component(self, family: str, path: Keys, table: Any) -> Built:
        """A table whose `use` names a component."""
        kind = singular(family)
        known = self.resolved.catalogue.entries(family)
        if table is MISSING or (isinstance(table, Mapping) and "use" not in table):
            key, names = dotted((*path, "use")), ", ".join(known) or "none"
            self.problems.add(path, f"no {kind} is chosen: set {key} (known: {names})")
            return Built(None, {})
        if not isinstance(table, Mapping):
            example = f'{dotted((*path, "use"))} = "{table if isinstance(table, str) else next(iter(known), "NAME")}"'
            self.problems.add(path, f"must be a table that names a {kind}: write {example}")
            return Built(None, {})
        use = table["use"]
        keys = {key: value for key, value in table.items() if key != "use"}
        if not isinstance(use, str):
            self.problems.add((*path, "use"), f"must be the name of a {kind}, not {plain(use)!r}")
            return Built(None, {})
        try:
            entry = self.resolved.catalogue.find(family, use)
        except CfgrlError as error:
            self.problems.add((*path, "use"), str(error), plugin=isinstance(error, PluginError))
            return Built(None, {})
        self.used[entry.plugin.distribution] = entry.plugin.version
        built = self._make(entry.component.target, path, keys, f"{kind} '{use}'", entry)
        return Built(built.value, {"use": use, **built.table})

    def _make(self, target: str, path: Keys, table: dict[str, Any], what: str, entry: Entry | None = None) -> Built:
        before = len(self.problems.found)
        cls: Any = None
        try:
            if self.building:
                cls = load_class(target)
                self._check_family(cls, entry)
                fields = class_fields(cls)
            else:
                fields = source_fields(target)
        except PluginError as error:
            source = f"{what} of {entry.plugin.distribution} {entry.plugin.version}" if entry else what
            self.problems.add((*path, "use") if entry else path, f"{source}: {error}", plugin=True)
            return Built(None, {})
        if fields is None:
            return Built(None, dict(table))
        given, complete = self._fields(fields, path, table, what, entry)
        if not self.building or len(self.problems.found) > before:
            return Built(None, complete)
        return Built(self._construct(cls, given, path, what, entry), complete)

    def _check_family(self, cls: type, entry: Entry | None) -> None:
        if entry is None:
            return
        base = load_class(families()[entry.family].base)
        if not issubclass(cls, base):
            raise PluginError(f"{entry.component.target} does not derive from {base.__name__}.")
        if inspect.isabstract(cls):
            missing = ", ".join(sorted(cls.__abstractmethods__))
            raise PluginError(f"{entry.component.target} is abstract; it lacks {missing}.")

    def _construct(self, cls: type, given: dict[str, Any], path: Keys, what: str, entry: Entry | None) -> Any:
        try:
            return cls(**given)
        except CfgrlError as error:
            self.problems.add(path, str(error), plugin=isinstance(error, PluginError))
        except (ValueError, TypeError) as error:
            self.problems.add(path, f"{what} refuses these values: {error}")
        except Exception as error:
            self.problems.add(path, f"{what} cannot be made: {reason(error)}", plugin=entry is not None)
        return None

    def _fields(
        self, fields: Mapping[str, Field], path: Keys, table: dict[str, Any], what: str, entry: Entry | None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Arguments for the class and the complete table."""
        for key in table:
            if key not in fields:
                known = f" (keys: {', '.join(fields)})" if fields else " (it has no keys)"
                instead = renamed(entry.name, key) if entry else None
                hint = f": {instead}" if instead else did_you_mean(key, fields)
                self.problems.add((*path, key), f"{what} has no key '{key}'{hint}{known}")
        given: dict[str, Any] = {}
        complete: dict[str, Any] = {}
        for name, field in fields.items():
            if field.kind == "component":
                self._nested(field, (*path, name), table.get(name, MISSING), given, complete)
            elif name in table:
                self._one(field, (*path, name), table[name], given, complete)
            elif field.default is MISSING:
                self.problems.add((*path, name), f"{what} needs '{name}', which has no default")
            else:
                complete[name] = plain(field.default)
        return given, complete

    def _one(self, field: Field, path: Keys, value: Any, given: dict[str, Any], complete: dict[str, Any]) -> None:
        if field.kind == "unknown":
            complete[field.name] = value
            return
        try:
            given[field.name] = validate(field, value)
            complete[field.name] = plain(given[field.name])
        except Invalid as error:
            self.problems.add(path, str(error))
        except Exception as error:  # What pydantic cannot handle at all, such as an annotation that is an array.
            self.problems.add(path, f"cannot be set in a file: {reason(error)}", plugin=True)

    def _nested(self, field: Field, path: Keys, table: Any, given: dict[str, Any], complete: dict[str, Any]) -> None:
        """A component inside a component; without `use` it is the one that the class chooses itself."""
        if table is MISSING or (isinstance(table, Mapping) and "use" not in table):
            chosen = "none" if field.default is None else self._chosen(field.family, field.default)
            if isinstance(chosen, dict):
                table = chosen if table is MISSING else {**chosen, **table}
            elif table is MISSING and field.default is not MISSING:
                complete.update({field.name: chosen} if chosen else {})
                return
            elif field.default is not MISSING and not self.building:
                return  # The source does not tell which class these keys are for; the second walk will see.
        if table == "none" and field.optional:
            given[field.name], complete[field.name] = None, "none"
        else:
            given[field.name], complete[field.name] = self.component(field.family, path, table)

    def _chosen(self, family: str, default: Any) -> dict[str, Any] | None:
        """A default component as a table; `None` if it has no name in the catalogue."""
        catalogue = self.resolved.catalogue
        if isinstance(default, SourceDefault):
            name = catalogue.name_of_source(family, default.source)
            return None if name is None else {"use": name, **{key: plain(v) for key, v in default.given.items()}}
        name = catalogue.name_of(family, type(default)) if self.building and default is not MISSING else None
        if name is None:
            return None
        table: dict[str, Any] = {"use": name}
        for field in class_fields(type(default)).values():
            value = getattr(default, field.name)
            if field.kind == "component" and value is not None:
                value = self._chosen(field.family, value)
            table[field.name] = short(value) if field.kind == "scalar" and value is not None else plain(value)
        return {key: value for key, value in table.items() if value is not None}

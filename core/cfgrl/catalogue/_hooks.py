"""The hooks that a plugin may implement, one for each built-in family of components, one for components of
any family, one for families of the plugin's own, and one for presets.

A plugin is a module named by an entry point of the group `cfgrl`; its functions carry `@hookimpl`, and it says by
`cfgrl_api = 2` for which version of this interface it is written. Hook modules should import nothing heavy: they are
imported by every command.
"""

import pathlib
from collections.abc import Iterable, Mapping

import pluggy

from cfgrl.catalogue._component import Component, Family

# A specification has no body: the rule that each of them ignores is about functions that forgot to return something.
hookspec = pluggy.HookspecMarker("cfgrl")
#: Version of all that plugins build on: hooks, protocols, capabilities. It grows when a plugin would have to change.
PLUGIN_API = 2
#: Marks a function of a plugin as the implementation of the hook of the same name.
hookimpl = pluggy.HookimplMarker("cfgrl")


@hookspec
def cfgrl_labelers() -> Mapping[str, Component]:  # type: ignore[empty-body]
    """Labelers by name: what does a transition demonstrate?"""
    ...


@hookspec
def cfgrl_policies() -> Mapping[str, Component]:  # type: ignore[empty-body]
    """Generative policies by name: how are actions generated?"""
    ...


@hookspec
def cfgrl_guidance() -> Mapping[str, Component]:  # type: ignore[empty-body]
    """Guidance by name: which loss in training, which sampler when acting?"""
    ...


@hookspec
def cfgrl_events() -> Mapping[str, Component]:  # type: ignore[empty-body]
    """Events by name: what does classifier-free guidance condition on?"""
    ...


@hookspec
def cfgrl_networks() -> Mapping[str, Component]:  # type: ignore[empty-body]
    """Networks by name."""
    ...


@hookspec
def cfgrl_datasets() -> Mapping[str, Component]:  # type: ignore[empty-body]
    """Data sets by name."""
    ...


@hookspec
def cfgrl_components() -> Mapping[str, Mapping[str, Component]]:  # type: ignore[empty-body]
    """Components of any family, by family and name."""
    ...


@hookspec
def cfgrl_families() -> Mapping[str, Family]:  # type: ignore[empty-body]
    """Families that this plugin adds, by name (a plural); components of them may come from any plugin."""
    ...


@hookspec
def cfgrl_presets() -> Iterable[str | pathlib.Path]:  # type: ignore[empty-body]
    """Paths of registry files with further presets."""
    ...

"""Autoguidance: a policy and a guidance for `cfgrl` that push a model away from a weaker version of itself."""

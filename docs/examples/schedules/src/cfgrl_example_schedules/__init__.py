"""Guidance for `cfgrl` whose weight changes on the way from noise to action."""

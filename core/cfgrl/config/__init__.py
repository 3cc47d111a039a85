"""From a registry file to an agent: plugins, presets, overrides, and the sentences about what is wrong with them."""

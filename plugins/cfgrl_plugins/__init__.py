"""The components that come with cfgrl, found through entry points as anybody's are.

Each family is a plugin of its own: `__init__.py` of its folder is one hook that names the classes, without importing
them. In Python all of them are here, imported when first used: `from cfgrl_plugins import CFG, FlowMatching, Goals`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

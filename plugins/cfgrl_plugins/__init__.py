"""The components that come with cfgrl, found through entry points as anybody's are.

Each family is a plugin of its own: `__init__.py` of its folder is one hook that names the classes, without importing
them.
"""

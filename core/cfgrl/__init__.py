"""Offline reinforcement learning by guidance: train a generative policy once, choose how far to improve it afterwards.

A method is three parts: a `Labeler` says what the data demonstrate, a `GenerativePolicy` how actions are generated,
a `Guidance` what is done about it. The names below are the public interface; they are imported when first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""Offline reinforcement learning by guidance: train a generative policy once, choose how far to improve it afterwards.

    π_w(a|s) ∝ π̂(a|s) · f(A(s, a))^w          prediction = u + w · (c − u)

A flow or diffusion policy samples the product on the left by the guidance on the right: u is what one network predicts
unconditionally, c what it predicts given a goal or given that the action is good, and w is chosen after training. A
method is three parts: a `Labeler` says what the data demonstrate, a `GenerativePolicy` how actions are generated, a
`Guidance` what is done about it.

    from cfgrl_plugins import AWR, CFG, IQL, Behaviour, Binary, FlowMatching, Gaussian, Goals, Unguided

    Stage(Behaviour(), FlowMatching(), Unguided())           # behaviour cloning: no dial
    Stage(Goals(), FlowMatching(), CFG(weight=3.0))          # goal-conditioned CFGRL: no value function
    Stage(IQL(), FlowMatching(), CFG(event=Binary()))        # CFGRL with an advantage
    Stage(IQL(), Gaussian(), AWR(inverse_temperature=3.0))   # advantage-weighted regression: strength fixed in training

The names below are the public interface; they are imported when first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""Building blocks for networks: what policies and labelers are made of."""

from cfgrl.nn._call import call as call
from cfgrl.nn._condition import ConditionEncoder as ConditionEncoder
from cfgrl.nn._ensemble import Ensemble as Ensemble
from cfgrl.nn._mlp import ACTIVATIONS as ACTIVATIONS
from cfgrl.nn._mlp import MLP as MLP
from cfgrl.nn._mlp import Linear as Linear
from cfgrl.nn._mlp import Perceptron as Perceptron
from cfgrl.nn._reader import Input as Input
from cfgrl.nn._reader import Reader as Reader
from cfgrl.nn._residual import ResidualMLP as ResidualMLP
from cfgrl.nn._residual import ResidualPerceptron as ResidualPerceptron
from cfgrl.nn._time import TimeEmbedding as TimeEmbedding

"""How weights follow the gradient: a part of a recipe."""

from typing import TypeAlias

from bakeoff.spec.values import Fraction, NotNegative, Positive, Share, Value


class SGD(Value, frozen=True, tag="sgd", tag_field="name"):
    """Stochastic gradient descent as in torch: v = momentum·v + g, w -= lr·v."""

    lr: Positive
    """Learning rate."""
    momentum: Fraction = 0.0
    """Share of the previous step that is kept."""
    nesterov: bool = False
    """Nesterov's momentum: the gradient counts for the next step, too."""
    weight_decay: NotNegative = 0.0
    """Coupled: adds weight_decay·w to the gradient."""


class Adam(Value, frozen=True, tag="adam", tag_field="name"):
    """Adam (Kingma & Ba 2015). torch's eps is 1e-8, Keras' 1e-7."""

    lr: Positive
    """Learning rate."""
    beta1: Share = 0.9
    """Decay of the mean of the gradients."""
    beta2: Share = 0.999
    """Decay of the mean of their squares."""
    eps: Positive = 1e-8
    """Added to the root of the squares."""
    weight_decay: NotNegative = 0.0
    """Coupled: adds weight_decay·w to the gradient."""
    eps_before_correction: bool = False
    """Add eps before the bias correction, as Keras does; torch adds it after."""


class AdamW(Value, frozen=True, tag="adamw", tag_field="name"):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019): w -= lr·weight_decay·w besides the Adam step."""

    lr: Positive
    """Learning rate."""
    beta1: Share = 0.9
    """Decay of the mean of the gradients."""
    beta2: Share = 0.999
    """Decay of the mean of their squares."""
    eps: Positive = 1e-8
    """Added to the root of the squares."""
    weight_decay: NotNegative = 0.01
    """Decoupled: the share of the weights, times the learning rate, that each step takes away."""


class Adadelta(Value, frozen=True, tag="adadelta", tag_field="name"):
    """Adadelta (Zeiler 2012). Keras 2.1: lr 1.0, rho 0.95, eps 1e-7; torch: 1.0, 0.9, 1e-6."""

    lr: Positive
    """Learning rate."""
    rho: Fraction = 0.9
    """Decay of the means of squares."""
    eps: Positive = 1e-6
    """Added to the squares before the root."""
    weight_decay: NotNegative = 0.0
    """Coupled: adds weight_decay·w to the gradient."""


Optimizer: TypeAlias = SGD | Adam | AdamW | Adadelta

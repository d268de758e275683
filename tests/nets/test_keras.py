"""The networks of Keras studies against Keras itself: the same weights, the same logits, the same step.

Needs the extra `keras`; Keras runs on torch here. Both sides compute in float64, so that they can only differ by
what they do. Dropout is off in both: their masks cannot be the same.
"""

import os
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import nn

from bakeoff.nets import build
from bakeoff.spec.data import DataInfo, ImageShape
from bakeoff.spec.recipe import Adadelta, Adam
from bakeoff.studies.recipes import RECIPES
from bakeoff.training.optimizers import (
    add_penalty_gradient,
    build_optimizer,
    make_loss,
    penalised_weights,
    penalty,
    set_rate,
)

pytestmark = pytest.mark.accuracy


@pytest.fixture(scope="module")
def keras() -> ModuleType:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    module = pytest.importorskip("keras", reason="Keras is not installed: pip install 'bakeoff[keras]'")
    from keras.src.backend.common.dtypes import BIT64_TO_BIT32_DTYPE

    # Keras on torch computes sums and matrix products of float64 in float32 behind the user's back. In float32 a
    # rounding error now and then turns a ReLU on or off, and the two sides differ by 1e-3.
    BIT64_TO_BIT32_DTYPE["float64"] = "float64"
    module.config.set_floatx("float64")
    module.config.set_dtype_policy("float64")
    return module


def lenet(keras, shape):
    k = keras.layers
    return keras.Sequential(
        [
            keras.Input(shape),
            *(k.Conv2D(6, 3, activation="tanh"), k.MaxPooling2D(2)),
            *(k.Conv2D(16, 2, activation="tanh"), k.MaxPooling2D(2)),
            *(k.Flatten(), k.Dense(256, activation="tanh"), k.Dense(10), k.Softmax()),
        ]
    )


def vgg(keras, shape):
    k = keras.layers
    return keras.Sequential(
        [
            keras.Input(shape),
            k.Conv2D(32, 3, padding="same", activation="relu"),
            *(k.Conv2D(64, 3, padding="same", activation="relu"), k.MaxPooling2D(2)),
            k.Conv2D(128, 3, padding="same", activation="relu"),
            *(k.Conv2D(256, 3, activation="relu"), k.MaxPooling2D(3)),
            *(k.Flatten(), k.Dense(256), k.LeakyReLU(), k.Dense(256), k.LeakyReLU()),
            *(k.Dense(10), k.Softmax()),
        ]
    )


def conv(keras, shape):
    k = keras.layers
    return keras.Sequential(
        [
            keras.Input(shape),
            *(k.Conv2D(32, 3, activation="relu"), k.MaxPooling2D(2)),
            *(k.Conv2D(64, 3, activation="relu"), k.MaxPooling2D(2), k.Conv2D(64, 3, activation="relu")),
            *(k.Flatten(), k.Dense(64, activation="relu"), k.Dense(10), k.Softmax()),
        ]
    )


def squeezenet(keras, shape):
    k = keras.layers
    x = inputs = keras.Input(shape)
    x = k.MaxPooling2D(2)(k.Conv2D(96, 3, strides=2, activation="relu")(x))
    for squeeze, expand, pool in (
        *((16, 64, False), (16, 64, False), (32, 128, True)),
        *((32, 128, False), (48, 192, False), (48, 192, False), (64, 256, True), (64, 256, False)),
    ):
        x = k.Conv2D(squeeze, 1, activation="relu")(x)
        left = k.Conv2D(expand, 1, activation="relu")(x)
        right = k.Conv2D(expand, 3, padding="same", activation="relu")(x)
        x = k.Concatenate(axis=1)([left, right])
        x = k.MaxPooling2D(2)(x) if pool else x
    x = k.AveragePooling2D(13, strides=1, padding="same")(k.Conv2D(10, 1)(x))
    return keras.Model(inputs, k.Softmax()(k.Dense(10)(k.Flatten()(x))))


def resnet_layers(keras):
    """Return the example's convolution and its batch normalisation with ReLU."""
    k = keras.layers

    def convolution(x, filters, kernel, strides=1):
        penalty = keras.regularizers.L2(1e-4)
        return k.Conv2D(filters, kernel, strides, "same", kernel_initializer="he_normal", kernel_regularizer=penalty)(x)

    def bn_relu(x):
        return k.ReLU()(k.BatchNormalization()(x))

    def stem(shape):
        inputs = keras.Input(shape)
        if shape[0] == 28:
            return inputs, convolution(k.ZeroPadding2D(2)(inputs), 16, 3)
        return inputs, bn_relu(convolution(inputs, 16, 3))

    def head(inputs, x):
        return keras.Model(inputs, k.Softmax()(k.Dense(10)(k.Flatten()(k.AveragePooling2D(8)(x)))))

    return convolution, bn_relu, stem, head


def resnet_v1(keras, shape):
    k = keras.layers
    convolution, bn_relu, stem, head = resnet_layers(keras)
    inputs, x = stem(shape)
    for filters in (16, 32, 64):
        for index in range(3):
            strides = 2 if index == 0 and filters > 16 else 1
            y = bn_relu(convolution(x, filters, 3, strides))
            y = k.BatchNormalization()(convolution(y, filters, 3))
            x = convolution(x, filters, 1, strides) if strides > 1 else x
            x = k.ReLU()(k.Add()([x, y]))
    return head(inputs, x)


def resnet_v2(keras, shape):
    k = keras.layers
    convolution, bn_relu, stem, head = resnet_layers(keras)
    inputs, x = stem(shape)
    for stage, (filters, outputs) in enumerate(((16, 64), (64, 128), (128, 256))):
        for index in range(2):
            strides = 2 if index == 0 and stage > 0 else 1
            y = x if stage == index == 0 else bn_relu(x)
            y = convolution(y, filters, 1, strides)
            y = convolution(bn_relu(y), filters, 3)
            y = convolution(bn_relu(y), outputs, 1)
            x = convolution(x, outputs, 1, strides) if index == 0 else x
            x = k.Add()([x, y])
    return head(inputs, bn_relu(x))


def made(model, kind: str) -> list:
    """Return the layers of one kind in the order they were made: that of torch's modules.

    Keras calls them conv2d, conv2d_1, conv2d_2 and so on.
    """
    layers = [layer for layer in model.layers if type(layer).__name__ == kind]
    return sorted(layers, key=lambda layer: (len(layer.name), layer.name))


def values_of(variable) -> np.ndarray:
    return variable.value.detach().cpu().numpy().copy()


def keras_values(model) -> list[np.ndarray]:
    """Return what Keras has learnt, in torch's layout: convolutions, dense layers, batch normalisations."""
    found = []
    for layer in made(model, "Conv2D"):
        found += [values_of(layer.kernel).transpose(3, 2, 0, 1), values_of(layer.bias)]
    height, width, channels = made(model, "Flatten")[0].input.shape[1:]
    for index, layer in enumerate(made(model, "Dense")):
        kernel = values_of(layer.kernel)
        if index == 0:  # Keras flattens (H, W, C), torch (C, H, W)
            kernel = kernel.reshape(height, width, channels, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
        found += [kernel.T, values_of(layer.bias)]
    for layer in made(model, "BatchNormalization"):
        found += [values_of(v) for v in (layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance)]
    return found


def torch_values(net: nn.Module) -> list[torch.Tensor]:
    """Return what the network has learnt, in the same order."""
    found = []
    for kind in (nn.Conv2d, nn.Linear):
        found += [value for layer in net.modules() if isinstance(layer, kind) for value in (layer.weight, layer.bias)]
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            found += [layer.weight, layer.bias, layer.running_mean, layer.running_var]
    return found


def keras_optimizer(keras, settings):
    match settings:
        case Adadelta(lr, rho, eps):
            return keras.optimizers.Adadelta(learning_rate=lr, rho=rho, epsilon=eps)
        case Adam(lr, beta1, beta2, eps):
            return keras.optimizers.Adam(learning_rate=lr, beta_1=beta1, beta_2=beta2, epsilon=eps)


def relative_error(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return |ours - theirs| / |theirs|; what is as good as zero (a bias before normalisation) counts as equal."""
    return float(np.linalg.norm(ours - theirs) / (np.linalg.norm(theirs) + 1e-7))


CASES = {
    "lenet-afif": (lenet, "afif2018"),
    "vgg-afif": (vgg, "afif2018"),
    "resnet20v1-keras": (resnet_v1, "afif2018"),
    "resnet20v2-keras": (resnet_v2, "afif2018"),
    "squeezenet-afif": (squeezenet, "afif2018"),
    "conv": (conv, "clark2020"),
}


@pytest.mark.parametrize("images", ["1x28x28", "3x32x32"])
@pytest.mark.parametrize("name", CASES)
def test_logits_and_one_step_are_those_of_keras(keras, name, images):
    shape = ImageShape.parse(images)
    make, recipe_name = CASES[name]
    recipe = RECIPES[recipe_name](name, DataInfo("mnist", shape, tuple("0123456789"), "", 60000, 0, 10000, False))
    keras.utils.clear_session()
    keras.utils.set_random_seed(3)
    model = make(keras, (shape.height, shape.width, shape.channels))
    logits_of = keras.Model(model.inputs, model.layers[-1].input)
    net = build(name, shape, 10).double()
    for layer in net.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    before = keras_values(model)
    with torch.no_grad():
        for ours, theirs in zip(torch_values(net), before, strict=True):
            ours.copy_(torch.from_numpy(theirs))

    generator = np.random.default_rng(5)
    pixels = generator.random((32, shape.height, shape.width, shape.channels))
    labels = generator.integers(10, size=32)
    batch, truth = torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy()), torch.from_numpy(labels)
    assert relative_error(net.eval()(batch).detach().numpy(), logits_of([pixels]).detach().numpy()) < 1e-10

    model.compile(keras_optimizer(keras, recipe.optimizer), "categorical_crossentropy")
    their_loss = model.train_on_batch(pixels, np.eye(10)[labels])
    optimizer, weights = build_optimizer(recipe.optimizer, net.parameters()), penalised_weights(net, recipe.l2)
    set_rate(optimizer, recipe.optimizer, recipe.optimizer.lr, step=1)
    loss = make_loss(recipe)(net.train()(batch), truth)
    our_loss = float(loss.detach()) + float(penalty(weights, recipe.l2))
    loss.backward()
    add_penalty_gradient(weights, recipe.l2)
    optimizer.step()
    assert our_loss == pytest.approx(float(their_loss), rel=1e-6)

    learnt = {id(parameter) for parameter in net.parameters()}
    for ours, start, theirs in zip(torch_values(net), before, keras_values(model), strict=True):
        if id(ours) in learnt:
            assert relative_error(ours.detach().numpy() - start, theirs - start) < 1e-4
        else:  # Keras 3 divides the running variance by n, torch (and Keras 2.1) by n - 1
            assert relative_error(ours.numpy(), theirs) < 1e-4
    assert relative_error(net(batch).detach().numpy(), logits_of([pixels], training=True).detach().numpy()) < 1e-6

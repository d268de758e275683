"""Keras 3 on TensorFlow in answer.py: `fit` from arrays, or from tf.data with decoded files kept in memory."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"

from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import tensorflow as tf
from answer_task import Task, arrays, carry_out, held_out
from keras import layers


def lenet(task: Task) -> list:
    """Return lenet-afif."""
    return [
        *(layers.Conv2D(6, 3, activation="tanh"), layers.MaxPooling2D(2)),
        *(layers.Conv2D(16, 2, activation="tanh"), layers.MaxPooling2D(2)),
        *(layers.Flatten(), layers.Dense(256, activation="tanh"), layers.Dense(task.classes)),
    ]


def conv(task: Task, dropout: float = 0.0) -> list:
    """Return conv, or with dropout drop."""
    return [
        *(layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(2)),
        *(layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(2)),
        *(layers.Conv2D(64, 3, activation="relu"), layers.Flatten(), layers.Dense(64, activation="relu")),
        *([layers.Dropout(dropout)] if dropout else []),
        layers.Dense(task.classes),
    ]


def resnet20(task: Task, x: keras.KerasTensor) -> keras.KerasTensor:
    """Return ResNet-20 for small images, with shortcuts without weights."""

    def conv3(x: keras.KerasTensor, filters: int, stride: int = 1) -> keras.KerasTensor:
        x = layers.Conv2D(filters, 3, stride, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
        return layers.BatchNormalization()(x)

    x = layers.ReLU()(conv3(x, 16))
    for filters in (16, 32, 64):
        for block in range(3):
            stride = 2 if filters > 16 and block == 0 else 1
            y = conv3(layers.ReLU()(conv3(x, filters, stride)), filters)
            if stride > 1:
                x = keras.ops.pad(x[:, ::2, ::2, :], ((0, 0), (0, 0), (0, 0), (filters // 4, filters // 4)))
            x = layers.ReLU()(layers.add([y, x]))
    return layers.Dense(task.classes)(layers.GlobalAveragePooling2D()(x))


NETS = {"lenet-afif": lenet, "conv": conv, "drop": lambda task: conv(task, 0.5)}


def build(name: str, task: Task, steps: int) -> keras.Model:
    """Return the compiled network, with augmentation in front, as in Keras' guides."""
    inputs = keras.Input((task.side, task.side, task.channels))
    x = layers.RandomTranslation(0.1, 0.1, fill_mode="nearest")(layers.Rescaling(1 / 255)(inputs))
    x = layers.RandomFlip("horizontal")(x) if task.is_folder else x
    if name == "resnet20":
        x = resnet20(task, x)
    else:
        for layer in NETS[name](task):
            x = layer(x)
    net = keras.Model(inputs, x)
    rate = keras.optimizers.schedules.CosineDecay(
        1.2e-4, int(0.7 * steps), warmup_target=3e-3, warmup_steps=int(0.3 * steps)
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(keras.optimizers.AdamW(rate, weight_decay=0.05), loss, metrics=["accuracy"])
    return net


def train(name: str, task: Task, place: Path, seed: int) -> float:
    """Train one network, with validation after every epoch and a checkpoint of the best; return its test accuracy."""
    keras.utils.set_random_seed(seed)
    keras.backend.clear_session()
    if task.is_folder:
        size = {"image_size": (task.side, task.side), "batch_size": task.batch_size, "verbose": False}
        split = {"validation_split": 0.1, "subset": "both", "seed": seed}
        fit, watched = keras.utils.image_dataset_from_directory(place / "train", **size, **split)
        test = keras.utils.image_dataset_from_directory(place / "test", shuffle=False, **size)
        given = {"x": fit.cache().prefetch(tf.data.AUTOTUNE), "validation_data": watched.cache()}
        steps = task.epochs * len(fit)
    else:
        data = arrays(place)
        kept, held = held_out(len(data["train_y"]), seed)
        x, y = data["train_x"], data["train_y"]
        given = {"x": x[kept], "y": y[kept], "batch_size": task.batch_size, "validation_data": (x[held], y[held])}
        test = tf.data.Dataset.from_tensor_slices((data["test_x"], data["test_y"])).batch(256)
        steps = task.epochs * -(-len(kept) // task.batch_size)
    net = build(name, task, steps)
    with TemporaryDirectory() as folder:
        best = keras.callbacks.ModelCheckpoint(f"{folder}/best.keras", save_best_only=True)
        net.fit(**given, epochs=task.epochs, verbose=0, callbacks=[best])
    return net.evaluate(test, verbose=0)[1]


if __name__ == "__main__":
    carry_out(train)

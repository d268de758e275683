"""Keras 3 on TensorFlow as a contender: `fit` from arrays, from ImageDataGenerator or from tf.data."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from peer_protocol import Baton, Workload

ENDLESS = 1_000_000


def lenet() -> list:
    """Return lenet-afif."""
    return [
        *(layers.Conv2D(6, 3, activation="tanh"), layers.MaxPooling2D(2)),
        *(layers.Conv2D(16, 2, activation="tanh"), layers.MaxPooling2D(2)),
        *(layers.Flatten(), layers.Dense(256, activation="tanh"), layers.Dense(10, activation="softmax")),
    ]


def vgg() -> list:
    """Return vgg-afif."""
    return [
        layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.Conv2D(64, 3, padding="same", activation="relu"),
        *(layers.MaxPooling2D(2), layers.Dropout(0.5)),
        layers.Conv2D(128, 3, padding="same", activation="relu"),
        layers.Conv2D(256, 3, activation="relu"),
        *(layers.MaxPooling2D(3), layers.Dropout(0.5), layers.Flatten()),
        *(layers.Dense(256), layers.LeakyReLU(negative_slope=0.3), layers.Dropout(0.5)),
        *(layers.Dense(256), layers.LeakyReLU(negative_slope=0.3)),
        layers.Dense(10, activation="softmax"),
    ]


def resnet20(inputs: keras.KerasTensor) -> keras.KerasTensor:
    """Return resnet20v1-keras, as in the Keras example cifar10_resnet.py."""

    def conv(x: keras.KerasTensor, filters: int, kernel: int, stride: int = 1) -> keras.KerasTensor:
        return layers.Conv2D(filters, kernel, stride, padding="same", kernel_initializer="he_normal")(x)

    x = layers.ReLU()(layers.BatchNormalization()(conv(inputs, 16, 3)))
    for filters in (16, 32, 64):
        for block in range(3):
            stride = 2 if filters > 16 and block == 0 else 1
            y = layers.ReLU()(layers.BatchNormalization()(conv(x, filters, 3, stride)))
            y = layers.BatchNormalization()(conv(y, filters, 3))
            x = layers.ReLU()(layers.add([y, conv(x, filters, 1, stride) if stride > 1 else x]))
    x = layers.Flatten()(layers.AveragePooling2D(8)(x))
    return layers.Dense(10, activation="softmax", kernel_initializer="he_normal")(x)


def network(workload: Workload) -> keras.Model:
    """Return the compiled network."""
    inputs = keras.Input((workload.height, workload.width, workload.channels))
    if workload.net == "resnet20v1-keras":
        net = keras.Model(inputs, resnet20(inputs))
    else:
        net = keras.Sequential([inputs, *(lenet() if workload.net == "lenet-afif" else vgg())])
    optimizers = {
        "adadelta": keras.optimizers.Adadelta(learning_rate=1.0, rho=0.95, epsilon=1e-7),
        "adam": keras.optimizers.Adam(learning_rate=1e-3),
    }
    net.compile(optimizers[workload.optimizer], "sparse_categorical_crossentropy", metrics=["accuracy"])
    return net


def feed(workload: Workload) -> dict:
    """Return the data arguments of `fit`."""
    pixels, labels = workload.data()
    images = pixels.astype("float32") / 255
    if workload.way == "arrays":
        return {"x": images, "y": labels, "batch_size": workload.batch_size}
    if workload.way == "ImageDataGenerator":
        from keras.src.legacy.preprocessing.image import ImageDataGenerator

        generator = ImageDataGenerator(width_shift_range=0.1, height_shift_range=0.1, horizontal_flip=True)
        return {"x": generator.flow(images, labels, workload.batch_size)}
    shift = layers.RandomTranslation(0.1, 0.1, fill_mode="nearest")
    flip = layers.RandomFlip("horizontal")
    batches = (
        tf.data.Dataset.from_tensor_slices((images, labels))
        .shuffle(10_000)
        .batch(workload.batch_size)
        .map(lambda x, y: (flip(shift(x, training=True), training=True), y), num_parallel_calls=tf.data.AUTOTUNE)
        .prefetch(tf.data.AUTOTUNE)
    )
    return {"x": batches}


class Turns(keras.callbacks.Callback):
    """Hands every step to the baton."""

    def __init__(self, workload: Workload, baton: Baton) -> None:
        super().__init__()
        self.workload, self.baton = workload, baton

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        done = batch * self.workload.batch_size
        self.baton.step(min(self.workload.batch_size, self.workload.images - done))


def main() -> None:
    """Train until the input ends."""
    workload = Workload.read()
    tf.config.threading.set_intra_op_parallelism_threads(workload.threads)
    if workload.precision == "bf16":
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    net = network(workload)
    arguments = feed(workload)
    parameters = sum(int(np.prod(w.shape)) for w in net.trainable_weights)
    baton = Baton(parameters=parameters, version=f"keras {keras.__version__}, tensorflow {tf.__version__}")
    net.fit(**arguments, epochs=ENDLESS, verbose=0, callbacks=[Turns(workload, baton)])


if __name__ == "__main__":
    main()

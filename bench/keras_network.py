"""The paper's final network in Keras, for an environment of its own: a line in, a step's seconds out.

python keras_network.py IMAGES.npy; knows nothing of deepsquat, which is not installed where this runs.
"""

import sys
import time

import keras
import numpy as np
from keras import layers, regularizers


def network(shape: tuple[int, ...]) -> keras.Model:
    """4 blocks of two 3 x 3 convolutions, pooling and dropout; Dense 128, 64, 2; L2 on all but the last."""
    decay = regularizers.L2(1e-6)
    model = keras.Sequential([keras.Input(shape)])
    for filters in (32, 64, 32, 64):
        for _ in range(2):
            model.add(layers.Conv2D(filters, 3, activation="relu", kernel_regularizer=decay))
        model.add(layers.MaxPooling2D())
        model.add(layers.Dropout(0.25))
    model.add(layers.Flatten())
    for units in (128, 64):
        model.add(layers.Dense(units, activation="relu", kernel_regularizer=decay))
    model.add(layers.Dense(2, activation="sigmoid"))
    model.compile(keras.optimizers.Adam(1e-5), "binary_crossentropy")
    return model


def main() -> None:
    images = np.load(sys.argv[1], allow_pickle=False).astype(np.float32)
    target = np.eye(2, dtype=np.float32)[np.arange(len(images)) % 2]
    model = network(images.shape[1:])
    for _ in sys.stdin:
        start = time.perf_counter()
        model.train_on_batch(images, target)
        print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main()

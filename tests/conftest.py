"""The process environment of every test, set before anything imports TensorFlow."""

import os

# tensorflow_transform turns an unset variable into 1, and tf.keras is then Keras 2 without a word.
os.environ["TF_USE_LEGACY_KERAS"] = "0"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")

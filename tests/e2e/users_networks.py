"""Networks of SciKeras and of skorch as a user of challengers writes them: functions that return a pipeline."""

from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def keras_classifier(epochs):
    """Returns scaled numbers and a perceptron of Keras."""
    from scikeras.wrappers import KerasClassifier

    network = KerasClassifier(_keras_network, loss="binary_crossentropy", epochs=epochs, verbose=0, random_state=0)
    return make_pipeline(StandardScaler(), network)


def _keras_network(meta):
    import keras

    inputs = keras.Input((meta["n_features_in_"],))
    hidden = keras.layers.Dense(16, "relu")(inputs)
    return keras.Model(inputs, keras.layers.Dense(1, "sigmoid")(hidden))


def torch_network():
    """Returns a perceptron of PyTorch, which gives the probabilities of two classes."""
    from torch import nn

    return nn.Sequential(nn.LazyLinear(16), nn.ReLU(), nn.Linear(16, 2), nn.Softmax(-1))


def torch_classifier(epochs, **options):
    """Returns scaled numbers and a network of PyTorch, which skorch trains."""
    from skorch import NeuralNetClassifier

    return make_pipeline(StandardScaler(), NeuralNetClassifier(max_epochs=epochs, verbose=0, **options))

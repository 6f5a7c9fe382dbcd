"""A training as scikit-learn's users write it: FILE HIDDEN BATCH EPOCHS RATE."""

import sys
import warnings

import numpy as np
from sklearn.neural_network import MLPClassifier

warnings.simplefilter("ignore")
source, (hidden, batch, epochs), rate = sys.argv[1], map(int, sys.argv[2:5]), float(sys.argv[5])
data = np.load(source)
network = MLPClassifier((hidden,), batch_size=batch, max_iter=epochs, learning_rate_init=rate, alpha=0, tol=0)
network.fit(data["x_train"], data["y_train"])

"""A training as torch's users write it: FILE HIDDEN BATCH EPOCHS RATE."""

import sys

import numpy as np
import torch

source, (hidden, batch, epochs), rate = sys.argv[1], map(int, sys.argv[2:5]), float(sys.argv[5])
data = np.load(source)
x, y = torch.from_numpy(data["x_train"]), torch.from_numpy(data["y_train"]).long()
network = torch.nn.Sequential(torch.nn.Linear(x.shape[1], hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 10))
optimizer, loss = torch.optim.Adam(network.parameters(), rate), torch.nn.CrossEntropyLoss()
for _ in range(epochs):
    for rows in torch.randperm(len(x)).split(batch):
        optimizer.zero_grad()
        loss(network(x[rows]), y[rows]).backward()
        optimizer.step()

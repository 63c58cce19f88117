"""The adversarial wing: networks, training, snapshots, sampling, measuring."""

"""The training loop that every task shares: settings, data order, checkpoints, run folder, progress."""

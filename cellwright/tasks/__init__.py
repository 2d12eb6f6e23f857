"""What a user trains: readers and embedded data, the training loop, storage, and the tasks themselves."""

"""Train, measure and use a model from Python. (A toy size, so that it ends in seconds; leave the settings out for a real one.)"""

import tempfile

import cellwright as cw

with tempfile.TemporaryDirectory() as runs:
    toy = {"data__size": 1500, "model__hidden_size": 48, "model__num_layers": 1, "train__epochs": 2, "train__batch_size": 16}
    model = cw.train("slots", data="travel-en", out=f"{runs}/toy", train__learning_rate=0.01, **toy)
    print(f"slot F1 on test: {cw.evaluate(model, 'travel-en').slot_f1:.3f}")
    print(model.predict("leave Taipei on November 2nd"))

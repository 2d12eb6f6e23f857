"""Train, measure and use a model from Python, in the demo's small settings and on part of its sentences."""

import tempfile
from pathlib import Path

import cellwright as cw

with tempfile.TemporaryDirectory() as runs:
    demo = Path(__file__).with_name("demo.toml")
    model = cw.train("slots", data="travel-en", config=demo, out=f"{runs}/small", data__size=4000)
    print(f"slot F1 on valid: {cw.evaluate(model, 'travel-en', split='valid').figures['slot_f1']:.3f}")
    print(model.predict("leave Taipei on November 2nd"))

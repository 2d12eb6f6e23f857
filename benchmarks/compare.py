"""The comparison of networks on the embedded sentences, as `cellwright compare` prints it.

python benchmarks/compare.py travel-en travel-zh
"""

from __future__ import annotations

import json
import sys

from record import cellwright, record

for name in sys.argv[1:] or ["travel-en", "travel-zh"]:
    result = json.loads(cellwright("compare", "--data", name, "--json"))
    record(f"compare_{name}", f"cellwright compare --data {name} --json", result)
    for row in result["lines"]:
        print(row, flush=True)

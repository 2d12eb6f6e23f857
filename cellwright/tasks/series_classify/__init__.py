"""Classes of whole series: who speaks, which movement, where a dot goes."""

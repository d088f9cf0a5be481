"""Judge a model on labelled texts: measures with intervals, slices, baselines, a report and its pictures."""

"""The product beside its peers, in one run: medians of several, and ratios rather than times."""

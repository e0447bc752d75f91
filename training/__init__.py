"""Training: what turns data into the models that `models/` holds. Nothing of the running product imports it."""

"""Training of the sentiment model: a small transformer, fine-tuned, calibrated, quantised and measured."""

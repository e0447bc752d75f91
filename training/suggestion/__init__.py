"""Suggestion models: from daily bars to calibrated ONNX graphs, each with a card that tells what it is worth."""

"""From texts to labels and entities: engines, constrained decoding, stored predictions."""

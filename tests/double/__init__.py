"""A test double of an OpenAI-compatible server. What is measured with it is the kit, not a model."""

"""Talking to models: calls, their cache, and the ways they travel."""

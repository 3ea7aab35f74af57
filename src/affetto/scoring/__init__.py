"""Labelling: a source through a model into a table, streamed."""

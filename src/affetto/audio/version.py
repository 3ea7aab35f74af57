"""The version of the analysis, for those who ask it of nothing else: reading it costs nothing."""

ANALYSIS_VERSION = 1
"""Grows when the same file would get other numbers."""

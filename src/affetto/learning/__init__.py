"""Learning moods from labelled tracks, each step kept as evidence."""

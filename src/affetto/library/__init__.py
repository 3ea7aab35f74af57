"""The music library: a catalogue of labelled tracks, and what is made of it."""

"""From an audio file to its samples, descriptors and features."""

"""Labelled tables from playlists: collected, filled with features, compared, published."""

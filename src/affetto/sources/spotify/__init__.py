"""Spotify: playlists, features tried once, a target for playlists, and the login."""

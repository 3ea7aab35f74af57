"""The page and the REST service: what a browser or a program on this machine may ask."""

"""Fitting the maps that come with affetto: `python -m affetto.audio.build`, for its developers.

::

    __main__     the command: named inputs in, `maps.affetto` out
    assemble     maps, curves and the card from what was read
    echonest     MFCC statistics beside the Echo Nest's values, from tables or from FMA's audio
    listeners    what people felt at the Emotify clips
    speech       synthetic speech, alone and over music
    codecs       how far each descriptor moves when a track is coded
    collect      descriptors of many files, kept in a cache
    fitting      the two kinds of maps, and cross-validation
"""

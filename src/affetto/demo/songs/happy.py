"""Happy: ukulele pop, ska with brass, disco, swing."""

from affetto.demo.score import HOLD, Kit, Part, Score

# fmt: off
UKULELE = Score(
    style="ukulele pop",
    mood="Happy",
    title="Pancake Parade",
    artist="Sunny Side Ada",
    tempos_bpm=(108, 110, 112, 114, 116),
    keys=(0, 5, 7, 2),
    is_major=True,
    scale="major",
    loudness_lufs=-10.5,
    form=(("intro", 2, 0.85), ("verse", 6, 0.9), ("chorus", 8, 1.0), ("end", 1, 1.0)),
    chords={"*": "I | V | vi | IV", "intro": "I | IV", "chorus": "I | IV | vi | V", "end": "I6"},
    room_s=0.9,
    tail_s=2.0,
    drive_db=2.0,
    kit=Kit(
        plays={
            "intro": """
                shaker      X.o.x.o.X.o.x.o.
                clap        ....x.......x...
            """,
            "verse": """
                kick        X.......X.......
                clap        ....x.......x...
                shaker      X.o.x.o.X.o.x.o.
            """,
            "chorus": """
                crash       ^x...............
                kick        X.....x.X.......
                snare       ....x.......x...
                clap        ....X.......X...
                tambourine  x.x.X.x.x.x.X.x.
                shaker      xoxoxoxoxoxoxoxo
            """,
            "end": """
                kick        X...............
                clap        X...............
                tambourine  X...............
            """,
        },
        fill="""
            kick        X.......X.......
            clap        ....X.....x.X.X.
            tambourine  x.x.x.x.x.x.xxxx
        """,
        fill_after=("intro", "verse", "chorus"),
        loose_ms=6,
    ),
    parts=(
        Part(instrument="ukulele", role="chord", low=64, level_db=-3, room=0.12, loose_ms=6,
             pan=-0.15, gate=1.0,
             plays={"intro": "D---d-u---u-d-u-", "verse": "D---d-u---u-d-u-",
                    "chorus": "D-u-D-u-.-u-D-u-"}),
        Part(instrument="upright bass", role="bass", low=36, level_db=-4, room=0.03,
             plays={"verse": "r-----5-r-----5-", "chorus": "r-----8-5---r-a-"}),
        Part(instrument="whistle", role="melody", low=76, level_db=-5, span=13, room=0.2,
             loose_ms=9, glide=True, leap=0.3,
             cells=("x-x-x---x-x-....", "x-x-x-x-x---x---", "x---x---x-------"),
             plays={"verse": "tune"}),
        Part(instrument="voice ah|voice eh", role="melody", low=64, level_db=-2, span=12,
             room=0.15, motif="song", leap=0.3, loose_ms=8,
             cells=("x---x-x---x-x---", "x-x-x---x-x-x---", "x---x-x-x-------"),
             plays={"chorus": "tune"}),
        Part(instrument="voice oo|voice eh", role="melody", low=64, level_db=-8, span=12, pan=0.3,
             room=0.2, motif="song", third=2, leap=0.3, loose_ms=12,
             cells=("x---x-x---x-x---", "x-x-x---x-x-x---", "x---x-x-x-------"),
             plays={"chorus": "tune"}),
        Part(instrument="glockenspiel", role="arp", low=76, level_db=-9, room=0.2, pan=0.35,
             plays={"intro": "2---3---4---3---", "chorus": "0-2-3-2-4-2-3-2-"}),
        Part(instrument="piano", role="chord", low=60, level_db=-9, pan=0.2, room=0.12,
             plays={"chorus": "..x-..x-..x-..x-"}),
    ),
)

SKA = Score(
    style="ska",
    mood="Happy",
    title="Eleven Trumpets in a Lift",
    artist="The Checkered Herons",
    tempos_bpm=(136, 138, 140, 142, 144),
    keys=(10, 5, 0, 7),
    is_major=True,
    scale="major",
    loudness_lufs=-9.5,
    form=(("intro", 4, 0.95), ("verse", 8, 0.9), ("chorus", 8, 1.0), ("end", 1, 1.0)),
    chords={"*": "I | vi | IV | V", "intro": "I | IV | I | V", "chorus": "I | IV | I V | I"},
    swing=0.54,
    room_s=0.9,
    tail_s=1.8,
    drive_db=3.0,
    kit=Kit(
        plays={
            "intro": """
                kick      X...x...X...x...
                snare     ....X.......X...
                hat       o.x.o.x.o.x.o.x.
                crash     ^X...............
            """,
            "verse": """
                kick      ....X.......X...
                rim       ....X..x....X...
                hat       o.X.o.X.o.X.o.X.
            """,
            "chorus": """
                crash     ^X...............
                kick      X...x...X...x...
                snare     ....X.......X..o
                open hat  ..x...x...x...x.
                hat       x...x...x...x...
                tambourine ....x.......x...
            """,
            "end": """
                kick      X...............
                snare     X...............
                crash     X...............
            """,
        },
        fill="""
            kick      X...x...X.......
            snare     ....X.xxX.xxX.X.
            high tom  .........x......
            hat       o.x.............
        """,
        fill_after=("intro", "verse", "chorus"),
        loose_ms=4,
    ),
    parts=(
        Part(instrument="upright bass", role="walk", low=33, level_db=-3, room=0.03, gate=0.88,
             plays={"intro": "x---x---x---x---", "verse": "x---x---x---x---",
                    "chorus": "x---x---x---x---"}),
        Part(instrument="clean guitar", role="chord", low=62, level_db=-4, pan=-0.4, gate=0.55,
             high_pass_hz=200,
             plays={"intro": "..u...u...u...u.", "verse": "..u...u...u...u.",
                    "chorus": "..U...U...U...U."}),
        Part(instrument="organ", role="chord", low=60, level_db=-8, pan=0.35, gate=0.6,
             high_pass_hz=180,
             plays={"verse": "..xo..xo..xo..xo", "chorus": "..xo..xo..xo..xo"}),
        Part(instrument="brass", role="melody", low=65, level_db=-1, span=14, room=0.16,
             motif="horns", leap=0.35, loose_ms=6,
             cells=("x-x-..x-x---....", "x-x-x-x-..x-x---", "x---x-x-x-------"),
             plays={"intro": "tune", "chorus": "tune"}),
        Part(instrument="brass", role="melody", low=60, level_db=-6, span=14, room=0.16, pan=0.25,
             motif="horns", third=-2, leap=0.35, loose_ms=8,
             cells=("x-x-..x-x---....", "x-x-x-x-..x-x---", "x---x-x-x-------"),
             plays={"intro": "tune", "chorus": "tune"}),
        Part(instrument="voice eh|voice ah", role="melody", low=62, level_db=-1, span=12,
             room=0.14, leap=0.25,
             cells=("..x-x-x---x-x---", "x-x-x---x-x-....", "x---x---x-------"),
             plays={"verse": "tune"}),
        Part(instrument="piano", role="chord", low=64, level_db=-10, pan=0.15, gate=0.6,
             plays={"chorus": "..x...x...x...x."}),
    ),
)

DISCO = Score(
    style="disco",
    mood="Happy",
    title="Mirrorball Monday",
    artist="Sequin Society",
    tempos_bpm=(116, 118, 120),
    keys=(5, 7, 0, 2),
    is_major=True,
    scale="major",
    loudness_lufs=-9.0,
    form=(("intro", 2, 0.88), ("verse", 6, 0.92), ("chorus", 8, 1.0), ("end", 1, 1.0)),
    chords={"*": "Imaj7 | vi7 | ii7 | V7", "intro": "Imaj7 | V7",
            "chorus": "I | IVmaj7 | ii7 | V7", "end": "I69"},
    room_s=1.4,
    tail_s=2.0,
    drive_db=3.0,
    kit=Kit(
        plays={
            "intro": """
                house kick  X...X...X...X...
                open hat    ..x...x...x...x.
                conga       x..x..x.x..x..xx
            """,
            "verse": """
                house kick  X...X...X...X...
                snare       ....X.......X...
                open hat    ..x...x...x...x.
                hat         x..xx..xx..xx..x
                conga       ...x..x....x..xx
            """,
            "chorus": """
                crash       ^X...............
                house kick  X...X...X...X...
                snare       ....X.......X...
                clap        ....X.......X...
                open hat    ..X...X...X...X.
                hat         x..xx..xx..xx..x
                tambourine  x.oxx.oxx.oxx.ox
                conga       ...x..x....x..xx
            """,
            "end": """
                house kick  X...............
                clap        X...............
                crash       X...............
            """,
        },
        fill="""
            house kick  X...X...X...X...
            snare       ....X...x.xxX.xx
            mid tom     ..........x.....
            open hat    ..x...x.........
        """,
        fill_after=("intro", "verse", "chorus"),
        loose_ms=3,
    ),
    parts=(
        Part(instrument="finger bass", role="bass", low=33, level_db=-2, room=0.02, gate=0.8,
             plays={"intro": "r.8.r.8.r.8.r.8.", "verse": "r.8.r.8.r.8.5.8.",
                    "chorus": "r.8.r.8.r.8r5.8a"}),
        Part(instrument="clean guitar", role="chord", low=64, level_db=-8, pan=-0.45, gate=0.45,
             high_pass_hz=250,
             plays={"verse": "x.oxo.xox.oxo.xo", "chorus": "x.oxo.xox.oxo.xo"}),
        Part(instrument="electric piano", role="chord", low=58, level_db=-8, pan=0.3, room=0.12,
             high_pass_hz=140,
             plays={"intro": "x-----x---------", "verse": "x-----x---------",
                    "chorus": "x-----x-----x---"}),
        Part(instrument="strings", role="chord", low=67, level_db=-10, room=0.3, high_pass_hz=250,
             plays={"intro": HOLD, "chorus": HOLD}),
        Part(instrument="short strings", role="melody", low=72, level_db=-4, span=16, room=0.25,
             leap=0.3, cells=("x-x-x-x-x---....", "..x-x-x-xxxxx---", "x---x-x-x-------"),
             plays={"chorus": "tune"}),
        Part(instrument="voice ah|voice eh|voice oo", role="melody", low=64, level_db=-1.5, span=13,
             room=0.16, echo=0.06, leap=0.25, glide=True,
             cells=("..x-x---x-x-x---", "..x-x-x---x-x---", "x---x---x-------"),
             plays={"verse": "tune", "chorus": "tune"}),
        Part(instrument="brass", role="chord", low=62, level_db=-8, room=0.15, gate=0.6,
             plays={"chorus": "............" + "...." + "......x.x...x..."}),
    ),
)

SWING = Score(
    style="swing",
    mood="Happy",
    title="The Cat Wears a Bowler Hat",
    artist="Count Custard & His Spoons",
    tempos_bpm=(144, 148, 152, 156),
    keys=(5, 10, 3, 0),
    is_major=True,
    scale="major",
    loudness_lufs=-12.0,
    form=(("intro", 2, 0.9), ("verse", 8, 0.92), ("chorus", 8, 1.0), ("end", 1, 1.0)),
    chords={"*": "I6 vi7 | ii7 V7 | I6 vi7 | ii7 V7 | I6 I7 | IV6 iv6 | I6 vi7 | ii7 V7",
            "intro": "I6 vi7 | ii7 V7",
            "chorus": "I6 | VI7 | ii7 | V7 | I6 I7 | IV6 iv6 | I6 V7 | I6", "end": "I69"},
    swing=0.65,
    room_s=1.2,
    tail_s=2.0,
    drive_db=1.0,
    kit=Kit(
        plays={
            "intro": """
                ride       x...X.x.x...X.x.
                hat        ....x.......x...
            """,
            "verse": """
                ride       x...X.x.x...X.x.
                hat        ....x.......x...
                soft kick  o...o...o...o...
                brush      ....x..o....x...
            """,
            "chorus": """
                crash      ^x...............
                ride       X...X.x.X...X.x.
                hat        ....x.......x...
                kick       o...o...o...o.x.
                snare      ....o.....x.o...
            """,
            "end": """
                kick       X...............
                snare      x...............
                crash      X...............
            """,
        },
        fill="""
            ride       x...X.x.........
            snare      ......x.x.xox.X.
            mid tom    ..........x.....
            kick       o...o...x.....x.
        """,
        fill_after=("verse", "chorus"),
        level_db=-1,
        loose_ms=5,
        room=0.12,
    ),
    parts=(
        Part(instrument="upright bass", role="walk", low=33, level_db=-1, room=0.04, gate=0.92,
             plays={"intro": "x---x---x---x---", "verse": "x---x---x---x---",
                    "chorus": "x---x---x---x---"}),
        Part(instrument="piano", role="chord", low=57, level_db=-5, pan=-0.2, gate=0.6, loose_ms=8,
             plays={"intro": "x...........x...", "verse": "......x.....x.......x.....x.....",
                    "chorus": "x.....x.....x.........x.x......."}),
        Part(instrument="clean guitar", role="chord", low=55, level_db=-11, pan=0.35, gate=0.5,
             plays={"verse": "d...d...d...d...", "chorus": "d...d...d...d..."}),
        Part(instrument="clarinet", role="melody", low=67, level_db=-1, span=16, room=0.18,
             loose_ms=10, leap=0.35, glide=True,
             cells=("x-x-x-x-x---....", "..x-x-x-x-x-x---", "x---x-x-x-------"),
             plays={"verse": "tune"}),
        Part(instrument="muted trumpet", role="melody", low=65, level_db=-1, span=14, room=0.18,
             motif="head", leap=0.35, loose_ms=8,
             cells=("x---x-x-..x-x---", "x-x-x---..x-x-x-", "x---x-x-x-------"),
             plays={"chorus": "tune"}),
        Part(instrument="brass", role="chord", low=60, level_db=-7, room=0.16, gate=0.5,
             plays={"chorus": "................" + "......X.....X..."}),
    ),
)

SCORES = (UKULELE, SKA, DISCO, SWING)

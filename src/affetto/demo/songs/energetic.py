"""Energetic: house, drum and bass, synth rock, funk."""

from affetto.demo.score import HOLD, Kit, Part, Score

# fmt: off
HOUSE = Score(
    style="house",
    mood="Energetic",
    title="Escalator Weather",
    artist="Neon Teakettle",
    tempos_bpm=(124, 125, 126, 127),
    keys=(9, 5, 7),
    is_major=False,
    scale="minor pentatonic",
    loudness_lufs=-8.5,
    form=(("intro", 2, 0.8), ("verse", 4, 0.92), ("break", 2, 0.75), ("chorus", 8, 1.0),
          ("end", 1, 1.0)),
    chords={"*": "i7 | VImaj7 | iv7 | i7 v7", "intro": "i7", "break": "iv7 | v7", "end": "i7"},
    room_s=1.8,
    tail_s=2.2,
    drive_db=4.0,
    kit=Kit(
        plays={
            "intro": """
                house kick  X...X...X...X...
                tight hat   ..x...x...x...x.
                shaker      oxoxoxoxoxoxoxox
            """,
            "verse": """
                house kick  X...X...X...X...
                clap        ....X.......X...
                open hat    ..x...x...x...x.
                tight hat   x.o.x.o.x.o.x.oo
                rim         ...x..x....x..x.
            """,
            "break": """
                clap        ....x.......x...
                tight hat   x.o.x.o.x.o.x.oo
                shaker      oxoxoxoxoxoxoxox
            """,
            "chorus": """
                crash       ^X...............
                house kick  X...X...X...X...
                clap        ....X.......X...
                open hat    ..X...X...X...X.
                tight hat   x.oox.oox.oox.oo
                shaker      oxoxoxoxoxoxoxox
                rim         ...x..x....x..x.
            """,
            "end": """
                house kick  X...............
                crash       X...............
            """,
        },
        fill="""
            riser       X...............
            house kick  X...X...X.......
            snare       ........x.x.xxXX
            open hat    ..x...x.........
        """,
        fill_after=("break",),
        level_db=-1.5,
    ),
    parts=(
        Part(instrument="synth bass", role="bass", low=33, level_db=-3, gate=0.8, duck=0.5,
             room=0.0, loose_ms=0,
             plays={"verse": "..r-..r-..r-..8-", "chorus": "..rr..r8..rr..8r",
                    "break": "r---------------"}),
        Part(instrument="house stab", role="chord", low=57, level_db=-4.5, duck=0.55, room=0.22,
             echo=0.18, loose_ms=0, high_pass_hz=160,
             plays={"intro": "...x.....x......", "verse": "x..x..x...x..x..",
                    "chorus": "x..x..x...x..x.x"}),
        Part(instrument="bright pad", role="chord", low=55, level_db=-11, duck=0.85, room=0.3,
             loose_ms=0, high_pass_hz=200,
             plays={"verse": HOLD, "break": HOLD, "chorus": HOLD}),
        Part(instrument="synth pluck", role="arp", low=69, level_db=-10, duck=0.4, room=0.2,
             echo=0.3, pan=0.25, loose_ms=0,
             plays={"break": "0.2.1.3.2.4.3.5.", "chorus": "2..1..0.2..3..1."}),
        Part(instrument="voice ah|voice eh", role="melody", low=62, level_db=-3.5, span=12,
             room=0.2, echo=0.25, loose_ms=4,
             cells=("..x-x---..x-x-..", "..x-x-x---......", "x-----x-x-------"),
             plays={"chorus": "tune"}),
    ),
)

DRUM_AND_BASS = Score(
    style="drum and bass",
    mood="Energetic",
    title="Hummingbird Overtime",
    artist="Quarter Past Fox",
    tempos_bpm=(172, 173, 174, 175),
    keys=(4, 5, 2),
    is_major=False,
    scale="minor",
    loudness_lufs=-8.0,
    form=(("intro", 4, 0.75), ("verse", 8, 0.92), ("break", 2, 0.7), ("chorus", 8, 1.0),
          ("end", 1, 1.0)),
    chords={"*": "i7 | i7 | VImaj7 | VImaj7 | iv7 | iv7 | i7 | v7", "break": "VI | v7"},
    room_s=1.8,
    tail_s=2.4,
    echo_steps=6,
    drive_db=4.0,
    kit=Kit(
        plays={
            "intro": """
                shaker       xoxoxoxoxoxoxoxo
                rim          ....x.......x...
            """,
            "verse": """
                break kick   X.........X.....X.x.......X.....
                break snare  ....X..o.o..X..o....X..o.o..X.o.
                hat          x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.xx
                shaker       oooooooooooooooo
            """,
            "break": """
                riser        ^..........X.....
                shaker       xoxoxoxoxoxoxoxo
            """,
            "chorus": """
                crash        ^X...............
                break kick   X.........X.....X.x.......X..x..
                break snare  ....X..o.o..X..o....X..o.oo.X.oo
                hat          xoxoxoxoxoxoxoxo
                ride         x...x...x...x...
                open hat     ..............x.
            """,
            "end": """
                break kick   X...............
                crash        X...............
            """,
        },
        fill="""
            break kick   X.....x...x.....
            break snare  ....X.oxX.oxXxXX
            hat          x.x.x.x.x.......
        """,
        fill_after=("break", "verse", "chorus"),
        loose_ms=2.0,
    ),
    parts=(
        Part(instrument="sub bass", role="bass", low=29, level_db=-9, room=0.0, loose_ms=0,
             duck=0.3, plays={"verse": "r---------r---..", "chorus": "r-----r---8-r---"}),
        Part(instrument="reese bass", role="bass", low=36, level_db=-4, room=0.04, loose_ms=0,
             wobble_steps=8, duck=0.3, glide=True, high_pass_hz=90,
             plays={"verse": "r---------r---..", "chorus": "r-----r---8-r---"}),
        Part(instrument="pad", role="chord", low=55, level_db=-9, room=0.3, duck=0.3,
             high_pass_hz=180, loose_ms=0,
             plays={"intro": HOLD, "verse": HOLD, "break": HOLD, "chorus": HOLD}),
        Part(instrument="synth pluck", role="arp", low=64, level_db=-7, room=0.2, echo=0.22,
             loose_ms=0, pan=-0.2,
             plays={"intro": "0.2.1.3.2.1.3.2.", "break": "0121323454321321",
                    "chorus": "0.213.120.243.12"}),
        Part(instrument="saw lead", role="melody", low=67, level_db=-5, span=14, room=0.18,
             echo=0.2, glide=True, loose_ms=2, motif="lead",
             cells=("x-----x-x---x---", "x-----x-x-x-x---", "x-------x-------"),
             plays={"chorus": "tune"}),
        Part(instrument="voice oo|voice ah", role="melody", low=64, level_db=-6, span=12,
             room=0.3, echo=0.3, cells=("x-------x-----x-", "x---x-------....", HOLD),
             plays={"verse": "tune"}),
    ),
)

SYNTH_ROCK = Score(
    style="synth rock",
    mood="Energetic",
    title="Sprint for the Skyline",
    artist="The Photocopiers",
    tempos_bpm=(146, 148, 150, 152),
    keys=(2, 4, 9),
    is_major=True,
    scale="major",
    loudness_lufs=-8.5,
    form=(("intro", 4, 0.85), ("verse", 8, 0.9), ("chorus", 8, 1.0), ("end", 1, 1.0)),
    chords={"*": "I | V | vi | IV", "chorus": "I | IV | vi | V", "intro": "I | I | IV | IV"},
    room_s=1.4,
    tail_s=2.2,
    drive_db=4.0,
    kit=Kit(
        plays={
            "intro": """
                kick       X...X...X...X...
                hat        x.x.x.x.x.x.x.x.
            """,
            "verse": """
                kick       X.....x.X.x.....
                fat snare  ....X.......X...
                hat        X.x.X.x.X.x.X.x.
            """,
            "chorus": """
                crash      ^X...............
                kick       X...x.x.X.x.x...
                fat snare  ....X.......X...
                half-open hat  X...X...X...X...
                tambourine ..x...x...x...x.
            """,
            "end": """
                kick       X...............
                crash      X...............
            """,
        },
        fill="""
            kick       X.....x.X.......
            fat snare  ....X...xxXX....
            mid tom    ............X.x.
            low tom    .............X.X
        """,
        fill_after=("intro", "verse", "chorus"),
    ),
    parts=(
        Part(instrument="pick bass", role="bass", low=33, level_db=-4, room=0.0, gate=0.85,
             plays={"intro": "r.r.r.r.r.r.r.r.", "verse": "r.r.r.r.r.r.r.r.",
                    "chorus": "R.r.r.r.R.r.r.8."}),
        Part(instrument="crunch guitar", role="bass", low=45, level_db=-3, room=0.08, gate=0.97,
             high_pass_hz=110,
             plays={"intro": "", "chorus": "R-------R---r-r-"}),
        Part(instrument="muted guitar", role="bass", low=50, level_db=-11, pan=-0.5, gate=0.9,
             plays={"verse": "r.r.r.5.r.r.8.5."}),
        Part(instrument="synth pluck", role="arp", low=67, level_db=-8, room=0.15, echo=0.15,
             pan=0.3, loose_ms=0,
             plays={"intro": "0.2.1.2.3.2.1.2.", "verse": "0.2.1.2.3.2.1.2.",
                    "chorus": "0213210232103212"}),
        Part(instrument="bright pad", role="chord", low=57, level_db=-11, room=0.25,
             high_pass_hz=200, plays={"intro": HOLD, "chorus": HOLD}),
        Part(instrument="voice ah|voice eh|voice oo", role="melody", low=62, level_db=-2.5,
             span=14, room=0.14, echo=0.1, glide=True,
             cells=("..x-x-x-x---x-..", "..x-x-x---x-x---", "x---x---x-------"),
             plays={"verse": "tune", "chorus": "tune"}),
        Part(instrument="square lead", role="melody", low=74, level_db=-8, room=0.2, echo=0.15,
             motif="hook", cells=("x---x-x-x---....", "x---x-x---x-x---", "x-------x-------"),
             plays={"intro": "tune", "chorus": "tune"}),
    ),
)

FUNK = Score(
    style="funk",
    mood="Energetic",
    title="Trouser Press Shuffle",
    artist="Grease & Gravitas",
    tempos_bpm=(120, 121, 122),
    keys=(4, 9, 2),
    is_major=False,
    scale="dorian",
    loudness_lufs=-9.5,
    form=(("intro", 2, 0.85), ("verse", 8, 0.92), ("chorus", 8, 1.0), ("end", 1, 1.0)),
    chords={"*": "i7 | IV9", "chorus": "VImaj7 | v7 | i7 | IV9", "end": "i7"},
    swing=0.55,
    swing_unit=16,
    room_s=0.9,
    tail_s=1.8,
    drive_db=3.0,
    kit=Kit(
        plays={
            "intro": """
                kick       X..x..x...x..x..
                snare      ....X..o.o..X..o
                hat        xoxoxoxoxoxoxo.o
                open hat   ..............x.
            """,
            "verse": """
                kick       X..x..x...x..x..
                snare      ....X..o.o..X..o
                hat        XoxoXoxoXoxoXo.o
                open hat   ..............x.
                conga      ...x..x....x..xx
                low conga  ..x.....x...x...
            """,
            "chorus": """
                crash      ^X...............
                kick       X.x...x...x..x..
                snare      ....X..o.o..X.oo
                hat        XoxoXo.oXoxoXo.o
                open hat   ......x.......x.
                tambourine ....x.......x...
                cowbell    x...x...x...x...
            """,
            "end": """
                kick       X...............
                snare      X...............
                crash      X...............
            """,
        },
        fill="""
            kick       X..x..x.........
            snare      ....X..ox.xxX...
            high tom   ............x...
            mid tom    .............x..
            low tom    ..............xX
        """,
        fill_after=("intro", "verse", "chorus"),
        loose_ms=4.0,
        room=0.06,
    ),
    parts=(
        Part(instrument="slap bass", role="bass", low=33, level_db=-2, room=0.02, gate=0.8,
             plays={"intro": "R..r.8.r..5.r.8.", "verse": "R..r.8.r..5.r.8.R.gr.8.r..7.8.5.",
                    "chorus": "R..r.8.gR..r.8.a"}),
        Part(instrument="clavinet", role="chord", low=58, level_db=-7, pan=-0.45, gate=0.55,
             room=0.06, high_pass_hz=150,
             plays={"intro": "..x.o.xo..x.o.xo", "verse": "..x.o.xo..x.o.xo",
                    "chorus": "..x.o.x...x.o.x."}),
        Part(instrument="clean guitar", role="chord", low=64, level_db=-10, pan=0.5, gate=0.4,
             room=0.06, high_pass_hz=250,
             plays={"verse": "xoo.xoo.xo.oxoo.", "chorus": "xooxxooxxooxxoox"}),
        Part(instrument="organ", role="chord", low=55, level_db=-12, room=0.15, high_pass_hz=180,
             plays={"chorus": HOLD}),
        Part(instrument="brass", role="chord", low=60, level_db=-5, room=0.14, gate=0.7,
             plays={"intro": "................X.......x.x-....",
                    "verse": "................X.......x.x-....", "chorus": ""}),
        Part(instrument="brass", role="melody", low=62, level_db=-3, span=15, room=0.14,
             motif="horns", leap=0.3,
             cells=("x-.xx-..x-x---..", "..x-.xx-x-..x-x-", "x-x-..x-x-------"),
             plays={"chorus": "tune"}),
        Part(instrument="brass", role="melody", low=62, level_db=-8, span=15, room=0.14,
             motif="horns", third=-2, leap=0.3,
             cells=("x-.xx-..x-x---..", "..x-.xx-x-..x-x-", "x-x-..x-x-------"),
             plays={"chorus": "tune"}),
    ),
)

SCORES = (HOUSE, DRUM_AND_BASS, SYNTH_ROCK, FUNK)

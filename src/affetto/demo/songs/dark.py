"""Dark: piano and strings, trip-hop, a drone with choir, a cold synth ballad."""

from affetto.demo.score import HOLD, Kit, Part, Score

# fmt: off
NOCTURNE = Score(
    style="piano and strings",
    mood="Dark",
    title="The Clock Forgot Us",
    artist="Wren & Ash",
    tempos_bpm=(60, 62, 64, 66),
    keys=(1, 2, 11, 6),
    is_major=False,
    scale="harmonic minor",
    loudness_lufs=-16.0,
    form=(("intro", 1, 0.75), ("verse", 4, 0.85), ("chorus", 4, 1.0), ("end", 1, 0.8)),
    chords={"*": "i | VI | iv | V", "intro": "i", "chorus": "i | iv | VI | V"},
    room_s=3.2,
    tail_s=5.0,
    kit=Kit(
        plays={
            "intro": "wood block  x...o...x...o...",
            "verse": """
                wood block  x...o...x...o...
                heartbeat   X.x.............
            """,
            "chorus": """
                wood block  x...o...x...o...
                heartbeat   X.x.....X.x.....
                taiko       ^X...............
            """,
        },
        level_db=-9,
        room=0.3,
        loose_ms=2,
    ),
    parts=(
        Part(instrument="piano", role="arp", low=33, level_db=-3, room=0.25, loose_ms=10, gate=2.0,
             plays={"intro": "0-------2-------", "verse": "0-2-3-2-4-3-2-3-",
                    "chorus": "0-2-3-4-5-4-3-2-"}),
        Part(instrument="cellos", role="bass", low=36, level_db=-6, room=0.3, gate=1.0,
             plays={"verse": "r---------------", "chorus": "r-------5-------"}),
        Part(instrument="strings", role="chord", low=55, level_db=-6, room=0.4, gate=1.0,
             high_pass_hz=180, plays={"chorus": HOLD}),
        Part(instrument="piano", role="melody", low=66, level_db=-1, span=13, room=0.35,
             loose_ms=14, gate=1.2, motif="tune", leap=0.15,
             cells=("x-----x-x-------", "x-------x---x---", HOLD),
             plays={"verse": "tune", "chorus": "tune"}),
        Part(instrument="strings", role="melody", low=66, level_db=-6, span=13, room=0.4,
             motif="tune", leap=0.15, gate=1.0,
             cells=("x-----x-x-------", "x-------x---x---", HOLD), plays={"chorus": "tune"}),
    ),
)

TRIP_HOP = Score(
    style="trip-hop",
    mood="Dark",
    title="Rain on Platform None",
    artist="Mildred Static",
    tempos_bpm=(84, 85, 86, 88),
    keys=(2, 7, 5),
    is_major=False,
    scale="minor",
    loudness_lufs=-13.0,
    form=(("intro", 2, 0.8), ("verse", 4, 0.9), ("chorus", 5, 1.0), ("end", 1, 0.9)),
    chords={"*": "i9 | VImaj7 | iv7 | i7 v7", "intro": "i9", "end": "i9"},
    swing=0.57,
    swing_unit=16,
    room_s=1.8,
    tail_s=4.0,
    echo_steps=6,
    drive_db=2.0,
    kit=Kit(
        plays={
            "intro": "crackle      X...............",
            "verse": """
                crackle      X...............
                soft kick    X......x..x.....X..x......x..o..
                dusty snare  ....X.......X..o....X.......X...
                hat          x.x.x.xox.x.x.x.x.x.x.xox.xox.x.
            """,
            "chorus": """
                crackle      X...............
                soft kick    X......x..x.....X..x......x..o..
                dusty snare  ....X..o....X..o....X..o....X.o.
                hat          x.x.x.xox.x.x.x.x.x.x.xox.xox.x.
                half-open hat ..............o.................
            """,
            "end": """
                soft kick    X...............
                crackle      X...............
            """,
        },
        fill="""
            crackle      X...............
            soft kick    X......x........
            dusty snare  ....X.....x.x.oX
        """,
        fill_after=("verse",),
        level_db=-1,
        room=0.12,
        loose_ms=6,
    ),
    parts=(
        Part(instrument="sub bass", role="bass", low=31, level_db=-6, room=0.0, gate=0.9,
             plays={"verse": "r--r......5-r---r--r....7-8-5---",
                    "chorus": "r--r......5-r---r--r....7-8-5---"}),
        Part(instrument="electric piano", role="chord", low=53, level_db=-4, room=0.25, echo=0.12,
             high_pass_hz=120, loose_ms=9,
             plays={"intro": "x-----------....", "verse": "x-----..o---....",
                    "chorus": "x-----..o---..o-"}),
        Part(instrument="strings", role="chord", low=58, level_db=-10, room=0.4,
             high_pass_hz=200, plays={"chorus": HOLD}),
        Part(instrument="muted trumpet", role="melody", low=62, level_db=-4, span=12, room=0.35,
             echo=0.3, loose_ms=16, glide=True, pan=0.2, scale="blues",
             cells=("......x-x---....", "..x-..x-x-------", "....x-----......"),
             plays={"verse": "tune"}),
        Part(instrument="voice oo|voice ah", role="melody", low=57, level_db=-2, span=12,
             room=0.35, echo=0.2, loose_ms=12, glide=True, leap=0.15,
             cells=("x-----x-x-------", "..x-x---x-------", "x---x-----------"),
             plays={"chorus": "tune"}),
    ),
)

DRONE = Score(
    style="drone and choir",
    mood="Dark",
    title="Under the Cistern",
    artist="Choir of the Lower Stairs",
    tempos_bpm=(56, 58, 60),
    keys=(2, 4, 0),
    is_major=False,
    scale="phrygian",
    loudness_lufs=-15.0,
    form=(("intro", 1, 0.7), ("verse", 4, 0.9), ("chorus", 2, 1.0), ("end", 1, 0.9)),
    chords={"*": "i | bII | i | VII", "chorus": "i | bII", "intro": "i"},
    room_s=3.6,
    tail_s=5.5,
    kit=Kit(
        plays={
            "intro": "taiko  x.......o.......",
            "verse": """
                taiko      X...o...x...o...
                low tom    ..............o.
            """,
            "chorus": """
                taiko      X...x...X...x.x.
                anvil      ........o.......
            """,
            "end": "taiko  X...............",
        },
        level_db=-2,
        room=0.4,
        loose_ms=5,
    ),
    parts=(
        Part(instrument="drone", role="riff", low=36, level_db=-3, room=0.2, gate=1.15,
             loose_ms=0, wobble_steps=32,
             plays={"intro": "0" + "-" * 15, "verse": "0" + "-" * 63, "chorus": "0" + "-" * 31}),
        Part(instrument="drone", role="riff", low=43, level_db=-8, room=0.2, gate=1.15,
             loose_ms=0, wobble_steps=24,
             plays={"verse": "7" + "-" * 63, "chorus": "7" + "-" * 31}),
        Part(instrument="low choir", role="chord", low=50, level_db=-2, room=0.5, gate=1.1,
             plays={"verse": HOLD, "chorus": HOLD}),
        Part(instrument="choir", role="melody", low=62, level_db=-5, span=10, room=0.5, gate=1.05,
             leap=0.05, cells=(HOLD, "x-------x-------", HOLD), plays={"chorus": "tune"}),
        Part(instrument="dark bell", role="riff", low=57, level_db=-6, room=0.5, gate=2.0,
             pan=0.2, plays={"intro": "0---------------", "verse": "0---------------" + "." * 16,
                             "chorus": "0---------------"}),
        Part(instrument="cellos", role="riff", low=38, level_db=-9, room=0.3,
             plays={"chorus": "0---1---0---3-1-"}),
    ),
)

BALLAD = Score(
    style="cold synth ballad",
    mood="Dark",
    title="Kälte im Treppenhaus",
    artist="Zimmer Elf",
    tempos_bpm=(80, 82, 84),
    keys=(9, 11, 4, 6),
    is_major=False,
    scale="harmonic minor",
    loudness_lufs=-12.0,
    form=(("intro", 2, 0.8), ("verse", 4, 0.88), ("chorus", 5, 1.0), ("end", 1, 0.9)),
    chords={"*": "i | VI | iv | V", "chorus": "i | iv | VI | V", "intro": "i"},
    room_s=2.4,
    tail_s=4.0,
    echo_steps=3,
    drive_db=2.0,
    kit=Kit(
        plays={
            "intro": "tight hat    x...x...x...x...",
            "verse": """
                kick         X.........x.....
                tight hat    x.x.x.x.x.x.x.x.
                rim          ....x.......x...
            """,
            "chorus": """
                kick         X.........X.....
                gated snare  ....X.......X...
                tight hat    x.x.x.x.x.x.x.x.
            """,
            "end": """
                kick         X...............
                gated snare  X...............
            """,
        },
        fill="""
            kick         X.........x.....
            gated snare  ....X.......x...
            mid tom      ........x.x.....
            low tom      ............x.x.
        """,
        fill_after=("verse",),
        level_db=-2,
        room=0.22,
        loose_ms=0,
    ),
    parts=(
        Part(instrument="synth bass", role="bass", low=33, level_db=-4, room=0.03, gate=0.8,
             loose_ms=0,
             plays={"intro": "r.r.r.r.r.r.r.r.", "verse": "r.r.r.r.r.r.r.r.",
                    "chorus": "r.r.r.8.r.r.r.8."}),
        Part(instrument="pad", role="chord", low=54, level_db=-6, room=0.4, high_pass_hz=150,
             loose_ms=0, plays={"intro": HOLD, "verse": HOLD, "chorus": HOLD}),
        Part(instrument="square lead", role="arp", low=66, level_db=-11, room=0.3, echo=0.35,
             loose_ms=0, pan=-0.3, gate=0.6,
             plays={"verse": "0.....2.....1...", "chorus": "0.2.1.3.2.1.3.2."}),
        Part(instrument="voice oo|voice ah", role="melody", low=57, level_db=-1.5, span=12,
             room=0.3, echo=0.12, loose_ms=10, glide=True, leap=0.12,
             cells=("x---x-x-x-------", "x---x---x-----x-", "x-----------...."),
             plays={"verse": "tune", "chorus": "tune"}),
        Part(instrument="soft lead", role="melody", low=69, level_db=-8, span=12, room=0.4,
             echo=0.2, cells=("x-------x-------", "x-----------x---", HOLD),
             plays={"chorus": "tune"}),
    ),
)

SCORES = (NOCTURNE, TRIP_HOP, DRONE, BALLAD)

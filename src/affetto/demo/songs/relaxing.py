"""Relaxing: felt piano, ambient pads, a fingerpicked guitar, a slow lounge."""

from affetto.demo.score import HOLD, Kit, Part, Score

# fmt: off
PIANO = Score(
    style="felt piano",
    mood="Relaxing",
    title="Snow on the Duvet",
    artist="Ottoline Marsh",
    tempos_bpm=(66, 68, 70, 72),
    keys=(0, 2, 5, 3),
    is_major=True,
    scale="major",
    loudness_lufs=-21.0,
    form=(("intro", 1, 0.7), ("verse", 4, 0.8), ("chorus", 4, 0.9), ("end", 1, 0.7)),
    chords={"*": "Iadd9 | vi7 | IVmaj7 | Vsus4", "chorus": "vi7 | IVmaj7 | Iadd9 | Vsus4 V",
            "intro": "Iadd9", "end": "Iadd9"},
    room_s=2.4,
    tail_s=4.5,
    parts=(
        Part(instrument="felt piano", role="arp", low=41, level_db=-5, room=0.25, loose_ms=13,
             gate=2.2,
             plays={"intro": "0-2-3-4-5-4-3-2-", "verse": "0-2-3-4-5-4-3-2-",
                    "chorus": "0-2-3-5-4-3-5-3-"}),
        Part(instrument="felt piano", role="melody", low=69, level_db=0, span=14, room=0.3,
             loose_ms=16, gate=1.3, leap=0.25,
             cells=("x-----x-x-------", "x---x---x-----x-", "x-------x-------"),
             plays={"verse": "tune", "chorus": "tune"}),
        Part(instrument="warm pad", role="chord", low=55, level_db=-15, room=0.4,
             high_pass_hz=150, plays={"chorus": HOLD}),
    ),
)

AMBIENT = Score(
    style="ambient",
    mood="Relaxing",
    title="Moss Holds Its Breath",
    artist="Slow Cartography",
    tempos_bpm=(60, 62, 64),
    keys=(0, 5, 7, 2),
    is_major=True,
    scale="major pentatonic",
    loudness_lufs=-20.0,
    form=(("intro", 2, 0.8), ("verse", 6, 0.95), ("end", 1, 0.8)),
    chords={"*": "Iadd9 | Iadd9 | IVmaj9 | IVmaj9 | vi7 | IVmaj7", "end": "Iadd9"},
    room_s=3.6,
    tail_s=5.0,
    echo_steps=6,
    parts=(
        Part(instrument="warm pad", role="chord", low=55, level_db=0, room=0.35,
             gate=1.05, high_pass_hz=120, loose_ms=0,
             plays={"intro": HOLD, "verse": HOLD}),
        Part(instrument="deep tone", role="riff", low=36, level_db=-12, room=0.1, gate=1.0,
             loose_ms=0, plays={"intro": "0" + "-" * 31, "verse": "0" + "-" * 95}),
        Part(instrument="choir", role="chord", low=60, level_db=-11, room=0.5, gate=1.05,
             high_pass_hz=200, plays={"verse": HOLD}),
        Part(instrument="marimba", role="arp", low=60, level_db=-7, room=0.35, echo=0.3,
             loose_ms=8, pan=-0.25,
             plays={"intro": "0-------2-------", "verse": "0---2---1---3---"}),
        Part(instrument="soft bell", role="melody", low=74, level_db=-5, span=14, room=0.45,
             echo=0.3, pan=0.25, loose_ms=10,
             cells=("x-------x-------", "x-----------x---", HOLD), plays={"verse": "tune"}),
    ),
)

GUITAR = Score(
    style="nylon guitar",
    mood="Relaxing",
    title="Hammock Arithmetic",
    artist="Señor Almohada",
    tempos_bpm=(84, 86, 88, 90),
    keys=(7, 2, 0, 9),
    is_major=True,
    scale="major",
    loudness_lufs=-18.0,
    form=(("intro", 2, 0.8), ("verse", 4, 0.88), ("chorus", 4, 1.0), ("verse", 2, 0.85),
          ("end", 1, 0.8)),
    chords={"*": "I | vi7 | IVadd9 | V7", "intro": "I | Iadd9", "chorus": "IVmaj7 | I | ii7 | V7"},
    room_s=1.4,
    tail_s=3.5,
    kit=Kit(
        plays={
            "chorus": """
                shaker     x.o.x.o.x.o.x.o.
                soft kick  x.......x.......
            """,
        },
        level_db=-13,
        loose_ms=6,
    ),
    parts=(
        Part(instrument="nylon guitar", role="bass", low=40, level_db=-4, room=0.15, loose_ms=8,
             gate=1.1, pan=-0.05,
             plays={"intro": "r---5---r---5---", "verse": "r---5---r---5---",
                    "chorus": "r---5---r---5---"}),
        Part(instrument="nylon guitar", role="arp", low=52, level_db=-2, room=0.18, loose_ms=9,
             gate=1.5, pan=0.12,
             plays={"intro": "..2-4-3-..4-2-3-", "verse": "..2-4-3-5-4-2-3-",
                    "chorus": "2-4-3-5-4-3-2-4-"}),
        Part(instrument="flute", role="melody", low=71, level_db=-2, span=13, room=0.28,
             loose_ms=14, glide=True,
             cells=("x-----x-x-------", "x---x---x-x-x---", "x-----------...."),
             plays={"chorus": "tune"}),
        Part(instrument="nylon guitar", role="melody", low=67, level_db=-3, span=12, room=0.2,
             loose_ms=10, pan=0.3, plays={"verse": "tune"},
             cells=("..x-x---x---....", "..x-x-x-x-------", "x-----------....")),
    ),
)

LOUNGE = Score(
    style="lounge",
    mood="Relaxing",
    title="Lobby of the Hotel Meringue",
    artist="The Velvet Umbrellas",
    tempos_bpm=(74, 76, 78, 80),
    keys=(5, 10, 3, 0),
    is_major=True,
    scale="major",
    loudness_lufs=-17.0,
    form=(("intro", 2, 0.8), ("verse", 4, 0.9), ("chorus", 4, 1.0), ("end", 1, 0.8)),
    chords={"*": "I69 | vi7 | ii7 V7 | Imaj7", "intro": "I69 | ii7 V7",
            "chorus": "IVmaj7 | I69 | ii7 V7 | I69", "end": "I69"},
    swing=0.62,
    swing_unit=8,
    room_s=1.4,
    tail_s=3.5,
    kit=Kit(
        plays={
            "intro": "brush sweep  x...x...x...x...",
            "verse": """
                brush sweep  x...x...x...x...
                brush        ....x..o....x..o
                soft kick    x.......o.......
                rim          ............o...
            """,
            "chorus": """
                brush sweep  x...x...x...x...
                brush        ....x..o....x..o
                soft kick    x.......o.....o.
                ride         o...o.o.o...o.o.
            """,
        },
        level_db=-8,
        loose_ms=7,
        room=0.15,
    ),
    parts=(
        Part(instrument="upright bass", role="bass", low=33, level_db=-4, room=0.05, loose_ms=8,
             plays={"intro": "r-------5-------", "verse": "r-----r-5-----a-",
                    "chorus": "r-----5-r---a---"}),
        Part(instrument="electric piano", role="chord", low=56, level_db=-4, room=0.2,
             loose_ms=9, gate=0.95, high_pass_hz=120,
             plays={"intro": "x---------..x---", "verse": "x-----..x-------",
                    "chorus": "..x-----..x-----"}),
        Part(instrument="vibraphone", role="melody", low=69, level_db=-2, span=15, room=0.25,
             loose_ms=12, gate=1.4, leap=0.3,
             cells=("..x-x-x-x-------", "x---..x-x-x-x---", "x-------........"),
             plays={"verse": "tune", "chorus": "tune"}),
        Part(instrument="strings", role="chord", low=60, level_db=-14, room=0.35,
             high_pass_hz=250, plays={"chorus": HOLD}),
    ),
)

SCORES = (PIANO, AMBIENT, GUITAR, LOUNGE)

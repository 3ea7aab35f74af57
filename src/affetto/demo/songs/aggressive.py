"""Aggressive: thrash metal, industrial, hardcore punk, growling dubstep."""

from affetto.demo.score import HOLD, Kit, Part, Score

# fmt: off
THRASH = Score(
    style="thrash metal",
    mood="Aggressive",
    title="Anvil for Breakfast",
    artist="Wrathhopper",
    tempos_bpm=(180, 182, 184, 186),
    keys=(4, 3, 5),
    is_major=False,
    scale="phrygian",
    loudness_lufs=-8.0,
    form=(("intro", 4, 0.95), ("verse", 8, 0.95), ("chorus", 8, 1.0), ("solo", 4, 1.0),
          ("end", 1, 1.0)),
    chords={"*": "i", "chorus": "i | VI | bII | i", "solo": "i | i | VI | VII",
            "end": "i5"},
    room_s=0.9,
    tail_s=1.8,
    drive_db=7.0,
    kit=Kit(
        plays={
            "intro": """
                crash        X.......X.......
                metal kick   X...X...X...X...
                metal snare  ....X.......X...
            """,
            "verse": """
                crash        ^X...............
                metal kick   X.xxX.xxX.xxX.xx
                metal snare  ....X.......X...
                half-open hat  X...X...X...X...
            """,
            "chorus": """
                crash        ^X...............
                metal kick   X...X...X...X...
                metal snare  ..X...X...X...X.
                china        X...X...X...X...
            """,
            "solo": """
                crash        X...............
                metal kick   XxxxXxxxXxxxXxxx
                metal snare  ....X.......X...
                ride         X...X...X...X...
            """,
            "end": """
                metal kick   X...............
                metal snare  X...............
                crash        X...............
            """,
        },
        fill="""
            metal kick   X.x.X.x.X.x.X.x.
            metal snare  X.XXX.XX........
            high tom     ........XX......
            mid tom      ..........XX....
            low tom      ............XXXX
        """,
        fill_after=("intro", "verse", "chorus", "solo"),
        loose_ms=2.0,
        room=0.08,
    ),
    parts=(
        Part(instrument="palm mute", role="riff", low=40, level_db=-2, room=0.04, gate=0.9,
             loose_ms=2,
             plays={"verse": "0.000.000.000.000.000.00........", "intro": "",
                    "solo": "0.000.000.000.00", "end": ""}),
        Part(instrument="power chord", role="riff", low=40, level_db=-1, room=0.05, loose_ms=2,
             plays={"intro": "0---------------3-------1-------",
                    "verse": "." * 24 + "3---1---" + "." * 24 + "6-5-3-1-", "solo": ""}),
        Part(instrument="power chord", role="bass", low=40, level_db=-1, room=0.05, loose_ms=2,
             plays={"chorus": "R---r-r-R---r-r-", "end": ""}),
        Part(instrument="pick bass", role="riff", low=28, level_db=-5, room=0.0, loose_ms=2,
             plays={"intro": "0-0-0-0-0-0-0-0-3-3-3-3-1-1-1-1-",
                    "verse": "0.000.000.000.000.000.003---1---", "solo": "0.000.000.000.00"}),
        Part(instrument="pick bass", role="bass", low=28, level_db=-5, room=0.0, loose_ms=2,
             plays={"chorus": "r-r-r-r-r-r-r-r-", "end": ""}),
        Part(instrument="shout", role="melody", low=52, level_db=-3, span=8, room=0.1, leap=0.1,
             cells=("x-x-x---..x-x---", "x-x-x-x-x---....", "x-------x-------"), scale="minor",
             plays={"verse": "tune", "chorus": "tune"}),
        Part(instrument="lead guitar", role="arp", low=64, level_db=-3, room=0.15, echo=0.12,
             loose_ms=1, gate=1.0, plays={"solo": "0123321043211234", "end": ""}),
    ),
)

INDUSTRIAL = Score(
    style="industrial",
    mood="Aggressive",
    title="Stamp, Stamp, Reject",
    artist="Department of Rust",
    tempos_bpm=(126, 128, 130, 132),
    keys=(2, 4, 5),
    is_major=False,
    scale="phrygian",
    loudness_lufs=-8.0,
    form=(("intro", 2, 0.9), ("verse", 6, 0.95), ("break", 2, 0.85), ("chorus", 8, 1.0),
          ("end", 1, 1.0)),
    chords={"*": "i", "chorus": "i | i | bII | i"},
    room_s=1.2,
    tail_s=1.9,
    drive_db=7.0,
    kit=Kit(
        plays={
            "intro": """
                hard kick    X...X...X...X...
                anvil        ....x.......x..x
                steam        ..........x.....
            """,
            "verse": """
                hard kick    X...X...X...X...
                metal snare  ....X.......X...
                anvil        ..x...x..x....x.
                tight hat    xxxxxxxxxxxxxxxx
                steam        ..............x.
            """,
            "break": """
                riser        ................X...............
                anvil        x..x..x.x..x..x.
                steam        ....x.......x...
                taiko        X.......X.......
            """,
            "chorus": """
                crash        ^X...............
                hard kick    X...X...X..xX...
                metal snare  ....X.......X...
                anvil        x.xx..x.x.xx..xx
                china        X...X...X...X...
                tight hat    xxxxxxxxxxxxxxxx
            """,
            "end": """
                hard kick    X...............
                anvil        X...............
                crash        X...............
            """,
        },
        fill="""
            hard kick    X...X...X.......
            metal snare  ....X...X.X.XXXX
            anvil        x.x.x.x.x.x.x.x.
        """,
        fill_after=("verse",),
        loose_ms=0.0,
        room=0.1,
    ),
    parts=(
        Part(instrument="machine bass", role="riff", low=29, level_db=-2, room=0.03, loose_ms=0,
             gate=0.85, duck=0.35,
             plays={"intro": "0000000000000000", "verse": "00c0003300c00310",
                    "break": "0-------------1-", "chorus": "00c0003300c03310"}),
        Part(instrument="palm mute", role="riff", low=40, level_db=-4, room=0.05, loose_ms=0,
             plays={"verse": "0..0..0.0..0..0.", "end": ""}),
        Part(instrument="power chord", role="bass", low=40, level_db=-2, room=0.06, loose_ms=0,
             duck=0.3, plays={"break": "R---------------", "chorus": "R-----r-R---r-r-"}),
        Part(instrument="scream synth", role="melody", low=69, level_db=-6, span=8, room=0.2,
             echo=0.2, leap=0.3, loose_ms=0,
             cells=("x---....x-x-....", "x---x-..x-------", HOLD), plays={"chorus": "tune"}),
        Part(instrument="supersaw", role="chord", low=53, level_db=-3, room=0.15, loose_ms=0,
             duck=0.5, high_pass_hz=160,
             plays={"chorus": "x--x--x-x--x--x-", "verse": HOLD}),
        Part(instrument="shout", role="melody", low=50, level_db=-3, span=7, room=0.12, leap=0.1,
             scale="minor", cells=("x-x-....x---....", "x-x-x-..x---....", "x-------........"),
             plays={"verse": "tune", "chorus": "tune"}),
        Part(instrument="drone", role="riff", low=38, level_db=-10, room=0.3, wobble_steps=8,
             plays={"break": "0---------------", "end": ""}),
    ),
)

PUNK = Score(
    style="hardcore punk",
    mood="Aggressive",
    title="No Parking Past Midnight",
    artist="The Snarling Forks",
    tempos_bpm=(192, 194, 196, 198),
    keys=(4, 9, 7),
    is_major=False,
    scale="minor pentatonic",
    loudness_lufs=-8.0,
    form=(("count", 1, 1.0), ("intro", 4, 0.95), ("verse", 8, 0.95), ("chorus", 8, 1.0),
          ("verse", 4, 0.97), ("end", 1, 1.0)),
    chords={"*": "i | i III | i | VI VII", "chorus": "i | VI | VII | i", "count": "i5",
            "end": "i5"},
    room_s=0.9,
    tail_s=1.8,
    drive_db=6.0,
    kit=Kit(
        plays={
            "count": "sticks       X...X...X...X...",
            "intro": """
                crash        X.......X.......
                metal kick   X.....x...x.....
                metal snare  ....X.......X...
            """,
            "verse": """
                crash        ^X...............
                metal kick   X.....x...x.....
                metal snare  ....X.......X...
                half-open hat  X...X...X...X...
            """,
            "chorus": """
                crash        X...............
                metal kick   X...X...X...X...
                metal snare  ..X...X...X...X.
                china        X...X...X...X...
            """,
            "end": """
                metal kick   X...............
                metal snare  X...............
                crash        X...............
            """,
        },
        fill="""
            metal kick   X...X...X...X...
            metal snare  X.X.X.X.XXXXXXXX
            low tom      ....X.......X...
        """,
        fill_after=("intro", "verse", "chorus"),
        loose_ms=4.0,
        room=0.12,
    ),
    parts=(
        Part(instrument="power chord", role="bass", low=40, level_db=0, room=0.06, loose_ms=4,
             gate=0.9,
             plays={"intro": "R-------R---r-r-", "verse": "R-r-R-r-R-r-R-r-",
                    "chorus": "R---r-r-R---r-r-"}),
        Part(instrument="pick bass", role="bass", low=28, level_db=-4, room=0.0, loose_ms=4,
             gate=0.9,
             plays={"intro": "r-r-r-r-r-r-r-r-", "verse": "r-r-r-r-r-r-r-r-",
                    "chorus": "r-r-r-r-r-r-5-8-"}),
        Part(instrument="shout", role="melody", low=53, level_db=-1, span=8, room=0.12, leap=0.1,
             loose_ms=10, cells=("x-x-x-x-x---x-..", "x-x-x-x-x-x-x---", "x---x---x-------"),
             plays={"verse": "tune"}),
        Part(instrument="shout", role="melody", low=53, level_db=-2, span=8, room=0.3, leap=0.1,
             loose_ms=18, motif="gang", cells=("x---x---x-------", "x---x---x---....", HOLD),
             plays={"chorus": "tune"}),
        Part(instrument="shout", role="melody", low=56, level_db=-7, span=8, room=0.3, leap=0.1,
             loose_ms=22, motif="gang", third=2,
             cells=("x---x---x-------", "x---x---x---....", HOLD), plays={"chorus": "tune"}),
        Part(instrument="lead guitar", role="melody", low=64, level_db=-5, span=12, room=0.15,
             cells=("x-x-x-x-x-x-x-x-", "x---x-x-x-x-x---", "x-------x-------"),
             plays={"intro": "tune"}),
    ),
)

DUBSTEP = Score(
    style="dubstep",
    mood="Aggressive",
    title="Bulldozer Lullaby",
    artist="DJ Gravel Pit",
    tempos_bpm=(140,),
    keys=(5, 4, 6),
    is_major=False,
    scale="minor",
    loudness_lufs=-7.5,
    form=(("intro", 3, 0.8), ("build", 2, 0.85), ("drop", 8, 1.0), ("rage", 5, 1.0),
          ("end", 1, 1.0)),
    chords={"*": "i | i | iv | i", "intro": "i | VI | i", "build": "i | V"},
    room_s=1.4,
    tail_s=2.2,
    echo_steps=4,
    drive_db=7.0,
    kit=Kit(
        plays={
            "intro": """
                hard kick    X...............
                tight hat    x...x...x...x...
            """,
            "build": """
                riser        ..............X.................
                snare        x...x...x...x...x.x.x.x.xxxxxxxx
                hard kick    X...X...X...X...X.......X.......
            """,
            "drop": """
                crash        ^X...............
                hard kick    X.....x...x.....
                fat snare    ........X.......
                clap         ........X.......
                tight hat    x.xxx.xxx.xxx.xx
            """,
            "rage": """
                crash        ^X...............
                hard kick    X...X...X...X...
                fat snare    ....X.......X...
                clap         ....X.......X...
                open hat     ..X...X...X...X.
                tight hat    x.xxx.xxx.xxx.xx
            """,
            "end": """
                hard kick    X...............
                crash        X...............
            """,
        },
        fill="""
            hard kick    X.....x.X.......
            fat snare    ........X.X.XXXX
            anvil        ..x...x.....x...
        """,
        fill_after=("drop",),
        level_db=-1.5,
        loose_ms=0.0,
        room=0.08,
    ),
    parts=(
        Part(instrument="sub bass", role="riff", low=29, level_db=-9, room=0.0, loose_ms=0,
             duck=0.5, plays={"drop": "0-------....0-1-0-----....3-1---",
                              "rage": "0-0-0-0-1-1-3-3-"}),
        Part(instrument="growl bass", role="riff", low=29, level_db=2, room=0.05, loose_ms=0,
             wobble_steps=2, duck=0.4, gate=1.0,
             plays={"drop": "0-------........0-----..........", "rage": "0-0-0-0-1-1-3-3-"}),
        Part(instrument="growl bass", role="riff", low=41, level_db=-2, room=0.08, loose_ms=0,
             wobble_steps=1.333, duck=0.4, gate=0.95, glide=True,
             plays={"drop": "..........c-0-1-........6-5-3-1-", "end": ""}),
        Part(instrument="scream synth", role="riff", low=65, level_db=-6, room=0.15, loose_ms=0,
             duck=0.4, glide=True,
             plays={"drop": "........c-b-............6-......", "rage": "c---..c-b---6---",
                    "end": ""}),
        Part(instrument="supersaw", role="chord", low=58, level_db=-5, room=0.2, loose_ms=0,
             duck=0.6, high_pass_hz=180,
             plays={"build": "x.x.x.x.x.x.x.x.", "rage": "x--x--x---x--x--"}),
        Part(instrument="glockenspiel", role="melody", low=77, level_db=-4, span=12, room=0.35,
             echo=0.25, motif="lullaby", cells=("x---x-x-x---x---", "x---x---x-------", HOLD),
             plays={"intro": "tune"}),
        Part(instrument="pad", role="chord", low=53, level_db=-8, room=0.3, high_pass_hz=120,
             plays={"intro": HOLD, "end": ""}),
    ),
)

SCORES = (THRASH, INDUSTRIAL, PUNK, DUBSTEP)

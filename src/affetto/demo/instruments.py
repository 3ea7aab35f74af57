"""The orchestra: every pitched instrument by name, as settings of the synthesiser."""

from collections.abc import Mapping
from types import MappingProxyType

from affetto.demo.synth import Bell, Timbre

# Formants of sung vowels, Hz, gain, width in Hz: rounded from the tables of the Csound manual
# (tenor and alto), which go back to Peterson and Barney (1952), JASA 24, 175-184.
_AH = ((700, 1.0, 110), (1120, 0.6, 120), (2600, 0.25, 200), (3300, 0.2, 260))
_EH = ((420, 1.0, 90), (1700, 0.35, 130), (2500, 0.28, 200), (3300, 0.2, 260))
_OH = ((430, 1.0, 80), (810, 0.5, 100), (2600, 0.12, 200), (3100, 0.1, 250))
_OO = ((340, 1.0, 70), (620, 0.25, 90), (2550, 0.05, 200), (3000, 0.04, 250))
_AW = ((580, 1.0, 110), (900, 0.8, 130), (2500, 0.4, 250), (3300, 0.3, 300))  # shouted
_EE = ((300, 0.9, 80), (1900, 0.5, 150), (2700, 0.4, 220), (3500, 0.3, 280))

# fmt: off
INSTRUMENTS: Mapping[str, Timbre | Bell] = MappingProxyType(
    {
        # Keys
        "piano": Timbre(
            tilt=1.15, pluck=0.13, cutoff_hz=(3600, 1500), sweep_s=0.25, ring_s=1.5,
            damping_hz=1500, attack_s=0.002, release_s=0.12, voices=2, detune_cents=2.4,
            width=0.35, breath=0.10, breath_hz=900, breath_s=0.018,
        ),
        "felt piano": Timbre(
            tilt=1.3, pluck=0.13, cutoff_hz=(1300, 650), sweep_s=0.3, ring_s=1.6,
            damping_hz=900, attack_s=0.006, release_s=0.3, voices=2, detune_cents=2.0,
            width=0.4, breath=0.09, breath_hz=420, breath_s=0.03,
        ),
        "electric piano": Timbre(
            drawbars=(1.0, 0.28, 0.14, 0.07, 0.05, 0.03, 0.06, 0.02), ring_s=1.5, damping_hz=1400,
            cutoff_hz=(5000, 2200), attack_s=0.003, release_s=0.12, drive=0.9, tremolo=0.22,
            tremolo_hz=4.6, breath=0.05, breath_hz=1700, breath_s=0.012,
        ),
        "organ": Timbre(
            drawbars=(1.0, 0.75, 0.5, 0.35, 0.0, 0.22, 0.0, 0.2), cutoff_hz=(6000, 6000),
            attack_s=0.004, release_s=0.02, vibrato_cents=7, vibrato_hz=6.4, tremolo=0.16,
            tremolo_hz=6.4, drive=1.1, breath=0.12, breath_hz=2600, breath_s=0.006,
        ),
        "clavinet": Timbre(
            tilt=0.7, pluck=0.11, cutoff_hz=(4200, 1100), sweep_s=0.09, resonance=1.4, ring_s=0.5,
            damping_hz=3000, release_s=0.025, drive=1.2, breath=0.06, breath_s=0.006,
        ),
        # Plucked strings
        "nylon guitar": Timbre(
            tilt=1.0, pluck=0.19, cutoff_hz=(2600, 1300), sweep_s=0.12, ring_s=0.75,
            damping_hz=1100, attack_s=0.002, release_s=0.1, breath=0.10, breath_hz=1800,
            breath_s=0.008,
        ),
        "ukulele": Timbre(
            tilt=0.9, pluck=0.22, cutoff_hz=(3600, 1900), sweep_s=0.1, ring_s=0.4,
            damping_hz=1900, attack_s=0.002, release_s=0.06, breath=0.12, breath_hz=2600,
            breath_s=0.007,
        ),
        "clean guitar": Timbre(
            tilt=0.8, pluck=0.15, cutoff_hz=(3800, 2300), sweep_s=0.1, ring_s=0.6,
            damping_hz=2600, attack_s=0.001, release_s=0.03, drive=0.7, breath=0.08,
            breath_hz=3000, breath_s=0.006,
        ),
        "muted guitar": Timbre(
            tilt=0.8, pluck=0.13, cutoff_hz=(3300, 1100), sweep_s=0.04, ring_s=0.09,
            damping_hz=2000, attack_s=0.001, release_s=0.02, breath=0.2, breath_hz=2600,
            breath_s=0.008,
        ),
        # Amplified guitars: a palm on the strings, and none
        "palm mute": Timbre(
            tilt=0.9, pluck=0.1, cutoff_hz=(3000, 900), sweep_s=0.03, ring_s=0.10,
            damping_hz=1400, attack_s=0.001, release_s=0.015, drive=9.0, intervals=(0, 7),
            cabinet=True, breath=0.3, breath_hz=2400, breath_s=0.006,
        ),
        "power chord": Timbre(
            tilt=0.9, pluck=0.12, cutoff_hz=(4500, 2800), sweep_s=0.2, ring_s=1.6,
            damping_hz=4000, attack_s=0.001, release_s=0.02, drive=7.0, intervals=(0, 7, 12),
            cabinet=True, breath=0.3, breath_hz=2600, breath_s=0.008,
        ),
        "crunch guitar": Timbre(
            tilt=0.9, pluck=0.14, cutoff_hz=(4200, 2600), sweep_s=0.2, ring_s=1.2,
            damping_hz=3500, attack_s=0.001, release_s=0.03, drive=2.6, intervals=(0, 7, 12),
            cabinet=True, breath=0.2, breath_hz=2600, breath_s=0.008,
        ),
        "lead guitar": Timbre(
            tilt=0.8, pluck=0.15, cutoff_hz=(4500, 3500), ring_s=2.0, damping_hz=4500,
            attack_s=0.002, release_s=0.05, drive=6.0, cabinet=True, breath=0.15, breath_s=0.01,
        ),
        # Basses
        "finger bass": Timbre(
            tilt=1.0, pluck=0.2, cutoff_hz=(1300, 750), sweep_s=0.09, ring_s=0.55,
            damping_hz=800, attack_s=0.003, release_s=0.035, drive=0.8, breath=0.05,
            breath_hz=1200, breath_s=0.008,
        ),
        "slap bass": Timbre(
            tilt=0.8, pluck=0.2, cutoff_hz=(4500, 1200), sweep_s=0.06, ring_s=0.45,
            damping_hz=1800, attack_s=0.001, release_s=0.025, drive=1.0, breath=0.16,
            breath_hz=3200, breath_s=0.006,
        ),
        "upright bass": Timbre(
            tilt=1.2, pluck=0.28, cutoff_hz=(1000, 520), sweep_s=0.08, ring_s=0.42,
            damping_hz=500, attack_s=0.006, release_s=0.06, breath=0.10, breath_hz=700,
            breath_s=0.012,
        ),
        "pick bass": Timbre(
            tilt=0.8, pluck=0.12, cutoff_hz=(2600, 1500), sweep_s=0.1, ring_s=0.7,
            damping_hz=1700, attack_s=0.001, release_s=0.02, drive=2.2, breath=0.12,
            breath_hz=2200, breath_s=0.006,
        ),
        "synth bass": Timbre(
            tilt=1.0, cutoff_hz=(1500, 340), sweep_s=0.09, poles=4, resonance=0.9,
            attack_s=0.003, decay_s=0.25, sustain=0.7, release_s=0.03, drive=1.1,
        ),
        "sub bass": Timbre(
            drawbars=(1.0, 0.22, 0.09, 0.03), cutoff_hz=(900, 900), attack_s=0.008,
            release_s=0.05, drive=0.8,
        ),
        "deep tone": Timbre(
            drawbars=(1.0, 0.2, 0.06), cutoff_hz=(900, 900), attack_s=0.8, release_s=0.9,
        ),
        "reese bass": Timbre(
            tilt=0.9, cutoff_hz=(900, 420), sweep_s=0.4, wobble=0.8, attack_s=0.01,
            release_s=0.05, voices=3, detune_cents=38, drive=1.5,
        ),
        "growl bass": Timbre(
            tilt=0.55, vowels=(_OH, _AW), cutoff_hz=(5200, 5200), wobble=4.2, resonance=2.4,
            poles=4, attack_s=0.004, release_s=0.03, voices=3, detune_cents=16, drive=4.5,
        ),
        "machine bass": Timbre(
            tilt=0.7, even=0.7, cutoff_hz=(3600, 1000), sweep_s=0.06, poles=4, resonance=1.4,
            attack_s=0.002, decay_s=0.12, sustain=0.5, release_s=0.02, drive=5.0,
        ),
        # Sustained and bowed
        "pad": Timbre(
            tilt=1.05, cutoff_hz=(800, 1500), sweep_s=1.2, attack_s=0.5, release_s=0.5,
            voices=4, detune_cents=22, width=0.9,
        ),
        "bright pad": Timbre(
            tilt=0.95, cutoff_hz=(2600, 3600), sweep_s=0.8, attack_s=0.06, release_s=0.25,
            voices=4, detune_cents=24, width=1.0,
        ),
        "warm pad": Timbre(
            tilt=1.3, cutoff_hz=(450, 900), sweep_s=2.5, attack_s=1.1, release_s=0.9, voices=4,
            detune_cents=16, width=1.0,
        ),
        "drone": Timbre(
            tilt=1.0, cutoff_hz=(220, 520), sweep_s=6.0, wobble=1.3, resonance=1.0, attack_s=1.5,
            release_s=1.2, voices=4, detune_cents=14, width=1.0,
        ),
        "strings": Timbre(
            tilt=1.0, cutoff_hz=(1900, 3000), sweep_s=0.3, attack_s=0.16, release_s=0.18,
            voices=4, detune_cents=17, width=0.8, vibrato_cents=7, vibrato_hz=5.4, breath=0.02,
            breath_hz=4000, breath_s=0.0,
        ),
        "short strings": Timbre(
            tilt=1.0, cutoff_hz=(3800, 2600), sweep_s=0.1, attack_s=0.02, decay_s=0.25,
            sustain=0.6, release_s=0.07, voices=4, detune_cents=16, width=0.7, breath=0.05,
            breath_hz=4000, breath_s=0.03,
        ),
        "cellos": Timbre(
            tilt=1.1, cutoff_hz=(900, 1500), sweep_s=0.5, attack_s=0.28, release_s=0.3,
            voices=4, detune_cents=13, width=0.6, vibrato_cents=6, vibrato_hz=4.9, breath=0.02,
            breath_hz=2500, breath_s=0.0,
        ),
        "choir": Timbre(
            tilt=0.75, vowels=(_OO, _AH), cutoff_hz=(3500, 3500), attack_s=0.45, release_s=0.5,
            voices=4, detune_cents=24, width=1.0, vibrato_cents=12, vibrato_hz=4.8, breath=0.03,
            breath_hz=3000, breath_s=0.0,
        ),
        "low choir": Timbre(
            tilt=0.8, vowels=(_OO, _OH), cutoff_hz=(1800, 1800), attack_s=0.7, release_s=0.7,
            voices=4, detune_cents=20, width=0.9, vibrato_cents=9, vibrato_hz=4.3, breath=0.03,
            breath_hz=2000, breath_s=0.0,
        ),
        # Voices: one singer, doubled; vowels follow one another
        "voice ah": Timbre(
            tilt=0.85, vowels=(_OH, _AH), cutoff_hz=(4500, 4500), attack_s=0.04, release_s=0.07,
            voices=3, detune_cents=19, width=0.25, vibrato_cents=22, vibrato_hz=5.5, breath=0.14,
            breath_hz=4500, breath_s=0.03,
        ),
        "voice eh": Timbre(
            tilt=0.85, vowels=(_EE, _EH), cutoff_hz=(4500, 4500), attack_s=0.03, release_s=0.07,
            voices=3, detune_cents=19, width=0.25, vibrato_cents=20, vibrato_hz=5.6, breath=0.22,
            breath_hz=5500, breath_s=0.025,
        ),
        "voice oo": Timbre(
            tilt=0.9, vowels=(_AH, _OO), cutoff_hz=(3800, 3800), attack_s=0.05, release_s=0.08,
            voices=3, detune_cents=18, width=0.25, vibrato_cents=20, vibrato_hz=5.3, breath=0.10,
            breath_hz=3500, breath_s=0.03,
        ),
        "shout": Timbre(
            tilt=0.5, vowels=(_EH, _AW), cutoff_hz=(5000, 5000), attack_s=0.012, release_s=0.05,
            voices=3, detune_cents=34, width=0.5, vibrato_cents=30, vibrato_hz=7.5, breath=0.5,
            breath_hz=3200, breath_s=0.0, drive=2.2,
        ),
        # Winds
        "brass": Timbre(
            tilt=0.75, cutoff_hz=(700, 2600), sweep_s=0.05, attack_s=0.025, decay_s=0.2,
            sustain=0.75, release_s=0.06, voices=3, detune_cents=11, width=0.5, vibrato_cents=5,
            breath=0.06, breath_hz=2500, breath_s=0.03,
        ),
        "muted trumpet": Timbre(
            tilt=0.45, vowels=(((1500, 1.0, 900), (2400, 0.8, 900), (500, 0.35, 500)),),
            cutoff_hz=(2500, 4200), sweep_s=0.05, attack_s=0.03, release_s=0.05,
            vibrato_cents=14, vibrato_hz=5.6, breath=0.05, breath_hz=3000, breath_s=0.04,
        ),
        "flute": Timbre(
            drawbars=(1.0, 0.32, 0.13, 0.05, 0.02), attack_s=0.06, release_s=0.08,
            vibrato_cents=9, vibrato_hz=5.0, breath=0.10, breath_hz=2400, breath_s=0.0,
        ),
        "whistle": Timbre(
            drawbars=(1.0, 0.05, 0.02), attack_s=0.035, release_s=0.05, vibrato_cents=16,
            vibrato_hz=5.9, breath=0.09, breath_hz=2800, breath_s=0.0,
        ),
        "clarinet": Timbre(
            tilt=1.0, even=0.08, cutoff_hz=(1300, 2000), sweep_s=0.06, attack_s=0.03,
            release_s=0.05, vibrato_cents=6, vibrato_hz=5.2, breath=0.04, breath_hz=2500,
            breath_s=0.0,
        ),
        # Synthesiser leads
        "saw lead": Timbre(
            tilt=0.9, cutoff_hz=(5200, 3000), sweep_s=0.2, attack_s=0.004, release_s=0.09,
            voices=4, detune_cents=20, width=0.6, vibrato_cents=9,
        ),
        "square lead": Timbre(
            tilt=1.0, even=0.1, cutoff_hz=(3600, 2400), attack_s=0.004, release_s=0.07,
            voices=3, detune_cents=19, width=0.4, vibrato_cents=10,
        ),
        "soft lead": Timbre(
            tilt=1.3, even=0.35, cutoff_hz=(1500, 1100), attack_s=0.03, release_s=0.12,
            voices=3, detune_cents=12, width=0.4, vibrato_cents=14,
        ),
        "synth pluck": Timbre(
            tilt=0.9, cutoff_hz=(6000, 600), sweep_s=0.09, poles=4, attack_s=0.002,
            decay_s=0.35, sustain=0.15, release_s=0.12, voices=3, detune_cents=14, width=0.7,
        ),
        "supersaw": Timbre(
            tilt=0.85, cutoff_hz=(7000, 4200), sweep_s=0.25, attack_s=0.004, decay_s=0.4,
            sustain=0.7, release_s=0.12, voices=5, detune_cents=27, width=1.0,
        ),
        "house stab": Timbre(
            tilt=0.9, cutoff_hz=(4200, 900), sweep_s=0.12, poles=4, attack_s=0.002, decay_s=0.2,
            sustain=0.3, release_s=0.08, voices=4, detune_cents=16, width=0.8,
        ),
        "scream synth": Timbre(
            tilt=0.5, even=0.4, cutoff_hz=(6000, 2600), sweep_s=0.3, resonance=2.2,
            attack_s=0.003, release_s=0.05, voices=3, detune_cents=45, width=0.7, drive=4.0,
            vibrato_cents=25, vibrato_hz=6.5,
        ),
        # Bars and bells: ratios of a free bar are 1, 2.76, 5.40; of tuned marimba bars 1, 4, 10
        "glockenspiel": Bell(
            partials=((1, 1, 0.55), (2.76, 0.3, 0.2), (5.4, 0.12, 0.07)), strike=0.15,
        ),
        "vibraphone": Bell(
            partials=((1, 1, 1.3), (4, 0.16, 0.3), (10, 0.04, 0.06)), strike=0.05,
            tremolo=0.3, tremolo_hz=4.4, release_s=0.25,
        ),
        "marimba": Bell(
            partials=((1, 1, 0.3), (4, 0.2, 0.07), (9.9, 0.07, 0.03)), strike=0.15,
        ),
        "soft bell": Bell(
            partials=((0.5, 0.35, 1.6), (1, 1, 1.5), (2.0, 0.3, 0.9), (3.0, 0.1, 0.5)),
            release_s=0.8,
        ),
        "dark bell": Bell(  # hum, prime, minor third, fifth, octave: a church bell
            partials=(
                (0.5, 0.6, 3.5), (1, 1, 2.2), (1.19, 0.45, 1.6), (1.5, 0.3, 1.2),
                (2, 0.6, 1.4), (2.66, 0.2, 0.6), (4.1, 0.15, 0.3),
            ),
            strike=0.1, release_s=1.5,
        ),
    }
)
# fmt: on
"""Every pitched instrument, by the name that scores use."""

"""What the music servers hand out: small audio files, and the tracks of the contract suite."""

import io
import wave


def wav_bytes(number, n_samples=800):
    """Real audio, another for each track: a square wave in 16 bits at 8 kHz."""
    period = 8 + number % 40
    frames = b"".join(
        (12_000 if (i // period) % 2 else -12_000).to_bytes(2, "little", signed=True)
        for i in range(n_samples)
    )
    raw = io.BytesIO()
    with wave.open(raw, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(frames)
    return raw.getvalue()


def track(i):
    """Track i of the contract suite."""
    return {
        "title": f"Track {i}",
        "artist": f"Artist {i % 7}",
        "album": f"Album {i // 10}",
        "ms": 180_000 + i,
        "path": f"Artist {i % 7}/Album {i // 10}/Track {i}.wav",
    }

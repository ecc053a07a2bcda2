"""Recordings as the live interfaces want them. Python's own module for this went with Python 3.13."""

import array
import signal
import wave

# A client that waits for what never comes is a failed test, not a test that never ends.
signal.alarm(180)


def read(path):
    """Rate and samples of a mono 16-bit WAV file."""
    with wave.open(path) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2), path
        return file.getframerate(), array.array("h", file.readframes(file.getnframes()))


def resampled(samples, rate, wanted):
    """At another rate, between neighbours along a line: good enough for speech in a test."""
    found = array.array("h")
    for index in range(len(samples) * wanted // rate):
        at = index * rate / wanted
        left = int(at)
        right = min(left + 1, len(samples) - 1)
        found.append(round(samples[left] + (samples[right] - samples[left]) * (at - left)))
    return found


def mulaw(samples):
    """G.711 µ-law."""
    return bytes(map(_mulaw, samples))


def _mulaw(sample):
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32_635) + 132
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | magnitude >> exponent + 3 & 0x0F) & 0xFF


def frames(sound, size):
    """Pieces of `size` bytes; the last one is filled up with zeros."""
    pieces = [sound[at : at + size] for at in range(0, len(sound), size)]
    pieces[-1] = pieces[-1] + b"\0" * (size - len(pieces[-1]))
    return pieces

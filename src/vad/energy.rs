//! Voice detection by loudness over an adaptive noise floor, for machines without ONNX Runtime and for tests.
//!
//! It hears any sound that rises above the background: music and ring-back are speech to it.

use super::{Error, SpeechDetector, WINDOW_SAMPLES, level_dbfs};

/// The floor never lies below: G.711 idle noise is around -70 dBFS, and without a bound the first rustle after digital
/// silence would count as speech.
const FLOOR_LOWEST_DBFS: f32 = -65.0;
/// The floor starts here or at the first window, whichever is lower: calls often start with a voice, and a floor at
/// the level of that voice would hide it.
const FLOOR_START_DBFS: f32 = -50.0;
/// How fast the floor follows a louder background: 2 dB a second. Faster, and a long vowel becomes background;
/// slower, and a new fan counts as speech for half a minute.
const FLOOR_RISE_DB: f32 = 2.0 * WINDOW_SAMPLES as f32 / 16_000.0;
/// Part of the way that the floor falls to a quieter window: a pause of three windows is enough.
const FLOOR_FALL: f32 = 0.5;
/// Rise over the floor at which the probability is one half.
const RISE_DB: f32 = 10.0;
/// Decibels per unit of the logistic curve: 0.05 at 6 dB, 0.95 at 14 dB.
const STEEPNESS_DB: f32 = 1.4;

/// Adaptive energy detector.
#[derive(Debug, Clone, Default)]
pub struct EnergyDetector {
    floor_dbfs: Option<f32>,
}

impl EnergyDetector {
    /// A detector that has heard nothing.
    pub fn new() -> Self {
        Self::default()
    }
}

impl SpeechDetector for EnergyDetector {
    fn probability(&mut self, window: &[f32; WINDOW_SAMPLES]) -> Result<f32, Error> {
        let level = level_dbfs(window);
        let floor = self.floor_dbfs.unwrap_or(FLOOR_START_DBFS.min(level)).max(FLOOR_LOWEST_DBFS);
        let next = if level < floor {
            floor + (level - floor) * FLOOR_FALL
        } else {
            (floor + FLOOR_RISE_DB).min(level)
        };
        self.floor_dbfs = Some(next.max(FLOOR_LOWEST_DBFS));
        Ok(1.0 / (1.0 + ((RISE_DB - (level - floor)) / STEEPNESS_DB).exp()))
    }

    fn reset(&mut self) {
        self.floor_dbfs = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(amplitude: f32) -> [f32; WINDOW_SAMPLES] {
        std::array::from_fn(|index| amplitude * (index as f32 * 0.2).sin())
    }

    fn last_probability(detector: &mut EnergyDetector, amplitude: f32, windows: usize) -> f32 {
        (0..windows).map(|_| detector.probability(&tone(amplitude)).unwrap()).last().unwrap()
    }

    #[test]
    fn a_voice_over_quiet_is_speech_and_quiet_is_not() {
        let mut detector = EnergyDetector::new();
        assert!(last_probability(&mut detector, 0.001, 30) < 0.1);
        assert!(last_probability(&mut detector, 0.1, 30) > 0.95);
        assert!(last_probability(&mut detector, 0.001, 3) < 0.1);
    }

    #[test]
    fn a_voice_in_the_first_window_is_heard() {
        assert!(last_probability(&mut EnergyDetector::new(), 0.1, 1) > 0.95);
    }

    #[test]
    fn a_steady_background_becomes_the_floor() {
        let mut detector = EnergyDetector::new();
        assert!(last_probability(&mut detector, 0.05, 30) > 0.9);
        assert!(last_probability(&mut detector, 0.05, 700) < 0.1, "after 22 s");
        assert!(last_probability(&mut detector, 0.5, 2) > 0.9);
    }

    #[test]
    fn digital_silence_is_not_speech() {
        assert!(last_probability(&mut EnergyDetector::new(), 0.0, 5) < 0.01);
    }
}

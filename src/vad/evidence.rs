//! What a detector thought of a stretch, for whoever must decide whether somebody spoke there.

use super::WINDOW_SAMPLES;
use crate::audio::SampleRate;

/// Probability from which a window counts as speech. Lower than where speech begins for a segmenter: within a stretch that
/// holds speech the weak windows are the ends of words.
pub const EVIDENT_FROM: f32 = 0.35;

/// What a detector thought of a stretch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// Mean probability of its windows, 0 to 1; 0 for none.
    pub mean_probability: f32,
    /// Seconds of the windows that were speech; pauses do not count.
    pub speech_seconds: f32,
}

impl Evidence {
    /// Of the probabilities of its windows.
    pub fn of(windows: impl Iterator<Item = f32>) -> Self {
        let (mut sum, mut heard, mut all) = (0.0, 0, 0);
        for probability in windows {
            sum += probability;
            heard += u32::from(probability >= EVIDENT_FROM);
            all += 1_u32;
        }
        let window_seconds = WINDOW_SAMPLES as f32 / SampleRate::PIPELINE.hz() as f32;
        Self { mean_probability: sum / all.max(1) as f32, speech_seconds: heard as f32 * window_seconds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_lower_the_mean_and_not_the_time_of_speech() {
        let found = Evidence::of([0.9, 0.0, 0.0, 0.9, 0.2].into_iter());
        assert!((found.mean_probability - 0.4).abs() < 1e-6);
        assert!((found.speech_seconds - 0.064).abs() < 1e-6);
        assert_eq!(Evidence::of(std::iter::empty()), Evidence { mean_probability: 0.0, speech_seconds: 0.0 });
    }
}

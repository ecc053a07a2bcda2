//! When the noise of a line is the same as before, so that not every window of it needs the detector.
//!
//! 200 connected calls in which nobody speaks cost half a core in voice detection alone, and of a recorded call each side is
//! silent for more than half of the time. While a channel has had nothing but noise of one level for a second, every other
//! window is judged as the one before it, and after some more seconds three of four. Whoever begins to speak is louder than the
//! noise and is judged at once; whoever is not, one to three windows (32 to 96 ms) later, less than the audio that is kept before a
//! turn or a segment. Pure.

use super::{Error, SpeechDetector, WINDOW_SAMPLES, level_dbfs};

/// Windows of noise before any is left out: a second.
const CALM_WINDOWS: u32 = 32;
/// Judged windows of noise, some five seconds, before more than every other one is left out.
const LASTING_WINDOWS: u32 = 96;
/// Windows left out one after the other, in noise that has lasted.
const LEFT_OUT_MAX: u32 = 3;
/// A window with a lower probability of speech is noise; the lowest threshold that anybody sets is far above.
pub const NOISE_BELOW: f32 = 0.1;
/// Levels that differ less are the same noise: windows of 32 ms of white noise at 8 kHz differ by some 0.3 dB (1 / √256),
/// those of a real line by less than 1; a voice that differs less from it is not understood anyway.
const SAME_DB: f32 = 2.0;
/// How fast the remembered level follows, a window: within some 150 ms. Noise that swells by 10 dB a second stays the same noise; a
/// voice begins ten times as fast.
const FOLLOW: f32 = 0.2;

/// The noise of one channel.
#[derive(Debug, Clone, Copy, Default)]
pub struct SteadyNoise {
    windows: u32,
    level_dbfs: f32,
    probability: f32,
    /// Windows left out since the last judged one.
    left_out: u32,
}

impl SteadyNoise {
    /// The probability of speech that a window of this level may be given unjudged; `None`: ask the detector.
    pub fn goes_on(&self, level_dbfs: f32) -> Option<f32> {
        let is_lasting = self.windows >= LASTING_WINDOWS;
        let left_out_max = if is_lasting { LEFT_OUT_MAX } else { 1 };
        let is_calm = self.windows >= CALM_WINDOWS && self.left_out < left_out_max;
        (is_calm && self.is_same(level_dbfs)).then_some(self.probability)
    }

    /// The detector judged a window.
    pub fn judged(&mut self, probability: f32, level_dbfs: f32) {
        self.left_out = 0;
        self.probability = probability;
        let is_noise = probability < NOISE_BELOW;
        if is_noise && self.windows > 0 && self.is_same(level_dbfs) {
            self.windows = self.windows.saturating_add(1);
            self.follow(level_dbfs);
        } else {
            self.windows = u32::from(is_noise);
            self.level_dbfs = level_dbfs;
        }
    }

    /// A window of this level was left out.
    pub fn skipped(&mut self, level_dbfs: f32) {
        self.left_out += 1;
        self.follow(level_dbfs);
    }

    fn follow(&mut self, level_dbfs: f32) {
        self.level_dbfs += FOLLOW * (level_dbfs - self.level_dbfs);
    }

    fn is_same(&self, level_dbfs: f32) -> bool {
        (level_dbfs - self.level_dbfs).abs() < SAME_DB
    }
}

/// A detector that is not asked about every window of steady noise.
#[derive(Debug)]
pub struct Sparing<D> {
    detector: D,
    noise: SteadyNoise,
}

impl<D> Sparing<D> {
    /// Spares `detector`.
    pub fn new(detector: D) -> Self {
        Self { detector, noise: SteadyNoise::default() }
    }
}

impl<D: SpeechDetector> SpeechDetector for Sparing<D> {
    fn probability(&mut self, window: &[f32; WINDOW_SAMPLES]) -> Result<f32, Error> {
        let level_dbfs = level_dbfs(window);
        if let Some(probability) = self.noise.goes_on(level_dbfs) {
            self.noise.skipped(level_dbfs);
            return Ok(probability);
        }
        let probability = self.detector.probability(window)?;
        self.noise.judged(probability, level_dbfs);
        Ok(probability)
    }

    fn reset(&mut self) {
        self.detector.reset();
        self.noise = SteadyNoise::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts the windows that it is asked about; all are noise.
    #[derive(Debug, Default)]
    struct Counting {
        asked: usize,
    }

    impl SpeechDetector for Counting {
        fn probability(&mut self, window: &[f32; WINDOW_SAMPLES]) -> Result<f32, Error> {
            self.asked += 1;
            Ok(if window[0] > 0.05 { 0.9 } else { 0.03 })
        }

        fn reset(&mut self) {}
    }

    #[test]
    fn a_detector_is_spared_noise_but_no_speech() {
        let mut sparing = Sparing::new(Counting::default());
        let mut hear = |level: f32, windows: usize| {
            let before = sparing.detector.asked;
            let heard: Vec<f32> =
                (0..windows).map(|_| sparing.probability(&[level; WINDOW_SAMPLES]).unwrap()).collect();
            (sparing.detector.asked - before, heard)
        };
        let (asked, heard) = hear(0.001, 132);
        assert_eq!((asked, heard), (82, vec![0.03; 132]), "a second, then every other window");
        assert_eq!(hear(0.001, 128).0, 14 + 25, "three of four are left out of noise that lasts");
        let (asked, heard) = hear(0.1, 50);
        assert_eq!((asked, heard), (50, vec![0.9; 50]));
        assert_eq!(hear(0.001, 32).0, 32, "noise begins anew");
        sparing.reset();
        assert_eq!(sparing.probability(&[0.001; WINDOW_SAMPLES]).unwrap(), 0.03);
    }

    /// Plays levels, all judged to be noise; gives how many windows were left out.
    fn left_out(noise: &mut SteadyNoise, levels: impl IntoIterator<Item = f32>) -> usize {
        let mut count = 0;
        for level_dbfs in levels {
            match noise.goes_on(level_dbfs) {
                Some(probability) => {
                    assert!(probability < NOISE_BELOW);
                    noise.skipped(level_dbfs);
                    count += 1;
                }
                None => noise.judged(0.02, level_dbfs),
            }
        }
        count
    }

    #[test]
    fn every_other_window_of_lasting_noise_is_left_out() {
        let mut noise = SteadyNoise::default();
        assert_eq!(left_out(&mut noise, [-55.0; 32]), 0, "a second is listened to");
        assert_eq!(left_out(&mut noise, [-55.3; 100]), 50);
    }

    #[test]
    fn three_of_four_windows_of_noise_that_lasts_are_left_out() {
        let mut noise = SteadyNoise::default();
        left_out(&mut noise, [-55.0; 32 + 2 * 64]);
        assert_eq!(left_out(&mut noise, [-55.3; 100]), 75);
    }

    #[test]
    fn noise_that_swells_and_falls_slowly_stays_the_same_noise() {
        let mut noise = SteadyNoise::default();
        // 6 dB up and down within four seconds.
        let level = |window: i32| -60.0 + 6.0 * (std::f32::consts::TAU * 0.032 * window as f32 / 4.0).sin();
        left_out(&mut noise, (0..32).map(level));
        assert_eq!(left_out(&mut noise, (32..132).map(level)), 50);
    }

    #[test]
    fn a_louder_window_is_judged_at_once() {
        let mut noise = SteadyNoise::default();
        left_out(&mut noise, [-55.0; 40]);
        for _ in 0..2 {
            assert_eq!(noise.goes_on(-52.0), None, "whether or not the one before was left out");
            left_out(&mut noise, [-55.0; 1]);
        }
    }

    #[test]
    fn speech_and_noise_that_changes_start_anew() {
        let mut noise = SteadyNoise::default();
        left_out(&mut noise, [-55.0; 40]);
        noise.judged(0.4, -55.0);
        assert_eq!(left_out(&mut noise, [-55.0; 32]), 0);
        assert_eq!(left_out(&mut SteadyNoise::default(), (0..200).map(|at| -70.0 + at as f32)), 0);
    }
}

//! How much of Whisper's 30 s window the encoder looks at.
//!
//! Whisper pads every input to 30 s (1500 positions of 20 ms), and the encoder costs that much however short the
//! speech is. Looking at fewer positions saves most of it, but a cut close to the speech spoils words: the model was
//! never trained on less. Measured on 100 French Common Voice clips as 8 kHz G.711 (`base`, greedy): whole window WER
//! 41.7; length + 256 and at least 768 positions 41.2 at less than half the time; length + 128, at least 512: 45.4;
//! length + 64 without a minimum: 87 (loops). Through the whole pipeline, over 40 clips in each of French, English
//! and Dutch, more than 768 gains nothing in either engine, and 640 loses 1.5 points (BENCHMARKS.md).

use super::config::FULL_CONTEXT;

/// Samples of one encoder position (20 ms at 16 kHz).
pub const SAMPLES_PER_POSITION: usize = 320;

/// The positions are a multiple of this: fused attention works on blocks of 64 keys.
const POSITION_BLOCK: u32 = 64;

/// The rule's two numbers, in encoder positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContextRule {
    /// Positions kept beyond the end of the speech.
    pub margin: u32,
    /// Fewest positions.
    pub minimum: u32,
}

impl ContextRule {
    /// The longest speech that takes no more than `positions`, in samples.
    pub const fn samples_within(self, positions: u32) -> usize {
        (positions / POSITION_BLOCK * POSITION_BLOCK).saturating_sub(self.margin) as usize
            * SAMPLES_PER_POSITION
    }

    /// Encoder positions for `samples` samples at 16 kHz: never fewer than the speech needs, at most
    /// [`FULL_CONTEXT`].
    pub fn positions(self, samples: usize) -> u32 {
        let speech = u32::try_from(samples.div_ceil(SAMPLES_PER_POSITION)).unwrap_or(FULL_CONTEXT);
        let wanted = speech.saturating_add(self.margin).max(self.minimum);
        wanted.div_ceil(POSITION_BLOCK).saturating_mul(POSITION_BLOCK).min(FULL_CONTEXT)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_speech_takes_the_minimum_and_long_speech_the_window() {
        let rule = ContextRule { margin: 256, minimum: 768 };
        assert_eq!(rule.positions(0), 768);
        assert_eq!(rule.positions(16_000 * 10), 768);
        assert_eq!(rule.positions(16_000 * 12), 896);
        assert_eq!(rule.positions(16_000 * 30), FULL_CONTEXT);
    }

    #[test]
    fn as_much_as_fits_costs_no_more_positions() {
        let rule = ContextRule { margin: 256, minimum: 768 };
        assert_eq!(rule.samples_within(768), 163_840);
        assert_eq!(rule.positions(rule.samples_within(768)), 768);
        assert_eq!(rule.positions(rule.samples_within(768) + 1), 832);
        assert_eq!(rule.samples_within(200), 0);
    }

    proptest! {
        #[test]
        fn no_speech_is_cut_off(samples in 0_usize..=480_000, margin in 0_u32..2_000, minimum in 0_u32..2_000) {
            let positions = ContextRule { margin, minimum }.positions(samples);
            prop_assert!(positions <= FULL_CONTEXT);
            prop_assert!(positions as usize * SAMPLES_PER_POSITION >= samples);
        }

        #[test]
        fn longer_speech_never_gets_less(samples in 0_usize..480_000, more in 0_usize..10_000) {
            let rule = ContextRule { margin: 100, minimum: 300 };
            prop_assert!(rule.positions(samples) <= rule.positions(samples + more));
        }
    }
}

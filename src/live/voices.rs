//! Voice detection for the channels of all calls at once.

use std::collections::HashMap;

use crate::vad::{BatchRow, Error, SileroBatch, SileroChannel, SileroModel, SpeechDetector, WINDOW_SAMPLES};

/// One channel, to the detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct VoiceId(u64);

/// One window of one channel.
#[derive(Debug, Clone)]
pub struct Window {
    /// Which channel.
    pub voice: VoiceId,
    /// Its samples.
    pub samples: [f32; WINDOW_SAMPLES],
}

/// Judges windows of many channels together; holds the state of each.
pub trait VoiceDetector: Send {
    /// Begins anew with a channel: it has heard nothing.
    fn reset(&mut self, voice: VoiceId);

    /// Forgets a channel.
    fn close(&mut self, voice: VoiceId);

    /// Replaces `probabilities` by that of each window, 0 to 1, in their order. At most one window of a channel. `None`
    /// where it failed: that channel must be reset or asked again with the same window.
    fn judge(&mut self, windows: &[Window], probabilities: &mut Vec<Option<f32>>);
}

/// Gives each channel a name for the detector.
#[derive(Debug, Default)]
pub(super) struct VoiceIds(u64);

impl VoiceIds {
    pub(super) fn next(&mut self) -> VoiceId {
        self.0 += 1;
        VoiceId(self.0)
    }
}

/// Makes a detector for one channel.
pub type MakeDetector = Box<dyn Fn() -> Result<Box<dyn SpeechDetector>, Error> + Send>;

/// One detector a channel, one window after the other.
pub struct OneByOne {
    make: MakeDetector,
    detectors: HashMap<VoiceId, Box<dyn SpeechDetector>>,
}

impl OneByOne {
    /// No channels yet.
    pub fn new(make: MakeDetector) -> Self {
        Self { make, detectors: HashMap::new() }
    }

    fn judge_one(&mut self, window: &Window) -> Result<f32, Error> {
        let detector = match self.detectors.entry(window.voice) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => entry.insert((self.make)()?),
        };
        detector.probability(&window.samples)
    }
}

impl VoiceDetector for OneByOne {
    fn reset(&mut self, voice: VoiceId) {
        if let Some(detector) = self.detectors.get_mut(&voice) {
            detector.reset();
        }
    }

    fn close(&mut self, voice: VoiceId) {
        self.detectors.remove(&voice);
    }

    fn judge(&mut self, windows: &[Window], probabilities: &mut Vec<Option<f32>>) {
        probabilities.clear();
        probabilities.extend(windows.iter().map(|window| self.judge_one(window).ok()));
    }
}

/// Silero over the windows of all channels together.
pub struct Batched {
    batch: SileroBatch,
    channels: HashMap<VoiceId, SileroChannel>,
}

impl Batched {
    /// No channels yet.
    pub fn new(model: &SileroModel) -> Self {
        Self { batch: SileroBatch::new(model), channels: HashMap::new() }
    }
}

impl VoiceDetector for Batched {
    fn reset(&mut self, voice: VoiceId) {
        self.channels.remove(&voice);
    }

    fn close(&mut self, voice: VoiceId) {
        self.channels.remove(&voice);
    }

    fn judge(&mut self, windows: &[Window], probabilities: &mut Vec<Option<f32>>) {
        // Out of the map while they are judged, so that each row can borrow its own.
        let take = |window: &Window| self.channels.remove(&window.voice).unwrap_or_default();
        let mut channels: Vec<SileroChannel> = windows.iter().map(take).collect();
        let mut rows: Vec<BatchRow<'_>> = channels
            .iter_mut()
            .zip(windows)
            .map(|(channel, window)| BatchRow { channel, window: &window.samples, speech_probability: 0.0 })
            .collect();
        let is_judged = match self.batch.judge(&mut rows) {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, "voice detection failed on a batch");
                false
            }
        };
        probabilities.clear();
        probabilities.extend(rows.iter().map(|row| is_judged.then_some(row.speech_probability)));
        self.channels.extend(windows.iter().map(|window| window.voice).zip(channels));
    }
}

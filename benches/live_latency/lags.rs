//! How long after the end of what was said something became known of it.
//!
//! There are two ends of what was said: that of the utterance in the script, which is what a caller would call it, and that
//! which voice detection heard, around 100 ms later. Nothing that is counted from the second shows what a caller waits for.

use std::time::Duration;

use allo::call::Channel;

use super::clips::Clip;
use super::report;

/// Something that became known within this distance of the end of an utterance became known of that end, as in
/// `benches/turns`. A turn that runs on into the next utterance, or into music, ended neither late nor early.
const NEAR_S: f64 = 0.25;

/// Something that became known of a stretch of speech; seconds of the call.
#[derive(Clone, Copy)]
pub struct Told {
    pub channel: Channel,
    /// Where voice detection heard the speech end.
    pub end_s: f64,
    /// When it was known.
    pub at_s: f64,
}

/// The lags of clip after clip.
#[derive(Default)]
pub struct Lags {
    /// From the end that voice detection heard.
    pub from_detector: Vec<Duration>,
    /// From the end of an utterance in the script, one for each utterance at whose end something became known.
    pub from_script: Vec<Duration>,
    /// Utterances of the scripts.
    utterances: usize,
}

impl Lags {
    /// Adds what became known of a clip, in the order in which it did.
    pub fn add(&mut self, clip: &Clip, told: &[Told]) {
        self.from_detector.extend(told.iter().map(|it| it.after(it.end_s)));
        self.utterances += clip.utterances.len();
        for utterance in &clip.utterances {
            let is_of_its_end =
                |it: &&Told| it.channel == utterance.channel && (it.end_s - utterance.end_s).abs() <= NEAR_S;
            self.from_script.extend(told.iter().find(is_of_its_end).map(|it| it.after(utterance.end_s)));
        }
    }

    /// A line for each end that is counted from.
    pub fn lines(&self, what: &str) -> Vec<String> {
        let from_detector = format!(
            "  {what}, from the end that voice detection heard: {} of them, {}",
            self.from_detector.len(),
            report::quantiles(&self.from_detector)
        );
        if self.utterances == 0 {
            return vec![
                from_detector,
                "    (the clips have no scripts: the end of the last sound, which comes before, is not known)"
                    .to_owned(),
            ];
        }
        let from_script = format!(
            "  {what}, from the end of the utterance in the script: at {} of {} ends, {}",
            self.from_script.len(),
            self.utterances,
            report::quantiles(&self.from_script)
        );
        vec![from_script, from_detector]
    }
}

impl Told {
    fn after(&self, from_s: f64) -> Duration {
        Duration::from_secs_f64((self.at_s - from_s).max(0.0))
    }
}

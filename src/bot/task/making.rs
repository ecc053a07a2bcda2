//! Speech for one text, piece by piece, each made on a thread that may block and played as soon as it is there.

use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinError;

use super::super::figures::Broken;
use super::super::mouth::Saying;
use super::{Task, length};
use crate::audio::SampleRate;
use crate::voice::{Error, Piece, Speech};

/// Silence before a text that follows another: what the voice leaves between two sentences.
const BREATH_MS: u32 = 350;

/// What came of making one piece.
pub(super) enum Made {
    /// The piece and the rest of the speech; no piece when nothing is left.
    Piece(Option<Piece>, Speech),
    /// The voice does not speak.
    Failed(Error),
}

impl Task {
    pub(super) fn make(&mut self, saying: Saying) {
        let (voice, text, language) = (self.bot.parts.voice.clone(), saying.text.clone(), saying.language);
        self.saying = Some((saying, None));
        self.making = Some(tokio::task::spawn_blocking(move || match voice.speak(&text, language) {
            Ok(speech) => next_piece(speech),
            Err(error) => Made::Failed(error),
        }));
    }

    pub(super) fn make_more(&mut self) {
        let speech = self.saying.as_mut().and_then(|(_, speech)| speech.take());
        match speech {
            Some(speech) => self.making = Some(tokio::task::spawn_blocking(move || next_piece(speech))),
            None => self.course.nothing_to_say(),
        }
    }

    pub(super) fn made(&mut self, made: Result<Made, JoinError>, now: Instant) {
        let (piece, speech) = match made {
            Ok(Made::Piece(Some(piece), speech)) => (piece, speech),
            Ok(Made::Piece(None, _) | Made::Failed(Error::NothingToSay)) => {
                self.saying = None;
                return self.course.nothing_to_say();
            }
            Ok(Made::Failed(error)) => return self.voice_failed(&error),
            Err(error) => return self.voice_failed(&error),
        };
        let Some((saying, rest)) = &mut self.saying else { return };
        let samples = if saying.follows { breath(&piece) } else { Arc::clone(&piece.samples) };
        let (length, is_last) = (length(samples.len(), piece.rate), speech.is_over());
        if !saying.is_told {
            self.controls.says(saying.mark.clone(), saying.text.clone(), saying.language);
        }
        (saying.follows, saying.is_told) = (false, true);
        *rest = Some(speech);
        let mark = is_last.then(|| saying.mark.clone());
        if let Err(error) = self.controls.play(samples, piece.rate, mark) {
            return self.voice_failed(&error);
        }
        if let Some(asked_at) = self.asked_at.take() {
            let took = now.saturating_duration_since(asked_at);
            self.bot.figures.first_sound.record(took);
            tracing::debug!(call = %self.call, first_sound_ms = took.as_millis(), "the first sound of an answer left");
        }
        if is_last {
            self.saying = None;
        }
        self.course.played(length, is_last, now);
    }

    pub(super) fn stop(&mut self, unfinished: Option<String>) {
        (self.making, self.saying) = (None, None);
        if let Some(mark) = unfinished {
            self.controls.says_no_more(mark);
        }
        if let Err(error) = self.controls.flush() {
            tracing::warn!(call = %self.call, %error, "what is played could not be stopped");
        }
    }

    fn voice_failed(&mut self, error: &dyn std::error::Error) {
        tracing::error!(call = %self.call, %error, "an answer could not be spoken");
        self.bot.figures.broke(Broken::Voice);
        self.course.voice_failed();
    }
}

fn next_piece(mut speech: Speech) -> Made {
    match speech.next() {
        Some(Ok(piece)) => Made::Piece(Some(piece), speech),
        Some(Err(error)) => Made::Failed(error),
        None => Made::Piece(None, speech),
    }
}

/// The piece behind a breath.
fn breath(piece: &Piece) -> Arc<[f32]> {
    let samples = silence_samples(piece.rate);
    let mut sound = vec![0.0; samples];
    sound.extend_from_slice(&piece.samples);
    sound.into()
}

fn silence_samples(rate: SampleRate) -> usize {
    (u64::from(rate.hz()) * u64::from(BREATH_MS) / 1_000) as usize
}

//! What a bot says on a call: announced when it begins, and kept as an utterance of its own when it has ended.

use std::collections::VecDeque;

use super::Machine;
use super::outbox::Moments;
use super::session::Session;
use crate::audio::{SamplePos, SampleSpan};
use crate::call::event::EventBody;
use crate::call::{Channel, Language, Utterance};
use crate::redact::Redacted;
use crate::store::LiveFinal;

/// Sayings whose end is not known. A bot begins the next a few seconds before the end of the one before.
const SAYINGS_MAX: usize = 16;
/// Stands behind the words of what was not heard to its end, as it does in a play.
const CUT_OFF: &str = " —";

/// What is being said, oldest first.
#[derive(Debug, Default)]
pub(super) struct Sayings {
    under_way: VecDeque<Saying>,
    /// Where the last one ended.
    end: SamplePos,
}

#[derive(Debug)]
struct Saying {
    mark: String,
    text: Redacted<String>,
    language: Language,
    began: SamplePos,
}

impl Session {
    /// The bot begins to say something.
    pub(super) fn says(&mut self, mark: String, text: Redacted<String>, language: Language) {
        let began = self.heard();
        if self.sayings.under_way.len() >= SAYINGS_MAX {
            // Their ends never came; they are no utterances, since nobody knows whether they were heard.
            self.sayings.under_way.pop_front();
        }
        self.outbox.push(EventBody::BotSaid { text: text.clone(), mark: mark.clone() });
        self.sayings.under_way.push_back(Saying { mark, text, language, began });
    }

    /// What was to be said under this mark is given up before its end was played.
    pub(super) fn says_no_more(&mut self, machine: &Machine, mark: String) {
        if self.sayings.under_way.iter().any(|saying| saying.mark == mark) {
            self.playback_finished(machine, mark, false);
        }
    }

    /// What was played under this mark has ended. What the bot said is in the store before that is told.
    pub(super) fn playback_finished(&mut self, machine: &Machine, mark: String, completed: bool) {
        let place = self.sayings.under_way.iter().position(|saying| saying.mark == mark);
        let saying = place.and_then(|place| self.sayings.under_way.remove(place));
        let body = EventBody::PlaybackFinished { mark, completed };
        let Some(saying) = saying else { return self.outbox.push(body) };
        let number = self.next_final();
        let utterance = self.utterance(saying, completed);
        let spoken = LiveFinal { call: self.link.id, number, utterance, replaces: Vec::new() };
        let is_kept = self.send_to_store(machine, spoken);
        self.outbox.push_final(body, number, (Moments::at(machine.clock.monotonic()), is_kept));
    }

    fn utterance(&mut self, saying: Saying, completed: bool) -> Utterance {
        let end = self.heard();
        // It waited until the one before it had ended.
        let start = saying.began.max(self.sayings.end).min(end);
        self.sayings.end = end;
        let mut text = saying.text.reveal().clone();
        if !completed {
            text.push_str(CUT_OFF);
        }
        Utterance {
            channel: Channel::Bot,
            span: SampleSpan::new(start, end),
            language: saying.language,
            text: text.into(),
            confidence: 1.0,
            words: Vec::new(),
        }
    }
}

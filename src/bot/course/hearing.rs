//! What the caller does, and what becomes known of the call.

use std::time::Instant;

use super::super::ear::{Said, Sentence};
use super::parts::{Output, Stage, Then, is_sign};
use super::{Course, POLITE_MAX};
use crate::assistant::Event;
use crate::call::Channel;
use crate::call::event::EventBody;
use crate::redact::Redacted;

impl Course {
    /// Something became known of the call.
    pub(in crate::bot) fn event(&mut self, body: &EventBody, now: Instant) {
        match self.ear.hear(body) {
            Said::Nothing => {}
            Said::Began => self.hold_silence(),
            Said::Sentence(sentence) => self.sentence(*sentence, now),
            Said::Noise => self.noise(now),
        }
        match body {
            EventBody::Interrupted { channel, .. } if *channel == self.ear.channel() => self.interrupted(now),
            EventBody::Dtmf { channel, digit } if *channel == self.ear.channel() => self.key(digit.clone()),
            EventBody::PlaybackFinished { mark, .. } => self.mouth.finished(mark),
            EventBody::HandedOver { .. } => self.told(),
            EventBody::CallEnded { .. } => self.call_ended(),
            EventBody::SpeechStarted { channel, .. } => self.somebody_speaks(*channel),
            EventBody::TranscriptFinal { .. } => self.somebody_spoke(),
            EventBody::TurnEnded { channel, .. } | EventBody::SpeechDiscarded { channel, .. } => {
                self.somebody_stops(*channel);
            }
            EventBody::CallStarted { .. }
            | EventBody::TranscriptPartial { .. }
            | EventBody::Interrupted { .. }
            | EventBody::Dtmf { .. }
            | EventBody::TurnDecided { .. }
            | EventBody::BotSaid { .. }
            | EventBody::Gap { .. } => {}
        }
    }

    fn sentence(&mut self, sentence: Sentence, now: Instant) {
        if self.stage != Stage::Talking || self.has_failed {
            return;
        }
        if sentence.is_back_channel {
            // Also when its text comes after what it was said into, or during a look-up: it asks for nothing.
            return match self.held.take() {
                Some(held) => self.speak(held.says, held.then),
                None => self.wait_on(now),
            };
        }
        if let Some(before) = self.answered.take_if(|before| sentence.continues == Some(before.turn)) {
            // Also on the way out: nothing was done yet that could not be taken back.
            self.held = None;
            return self.ask_again(sentence.after(&before));
        }
        if !self.is_open() {
            return;
        }
        if let Some(thinking) = &self.thinking {
            if let Some(before) = self.instead.as_ref().or(thinking.sentence.as_ref()) {
                self.instead = Some(sentence.after(before));
            } else if thinking.event != Event::Begin {
                self.ask_sentence(sentence);
            }
            // Who speaks before the greeting is not heard: nobody has asked anything yet.
            return;
        }
        if self.held.take().is_some() {
            return match self.answered.take() {
                Some(before) => self.ask_again(sentence.after(&before)),
                None => self.ask_sentence(sentence),
            };
        }
        if self.mouth.is_speaking() {
            // Said into what is played without stopping it, because nothing may or it was said before: the bot goes on.
            return self.wait_on(now);
        }
        self.ask_sentence(sentence);
    }

    /// Whether the dialogue still takes what the caller says and does.
    fn is_open(&self) -> bool {
        let is_leaving = self.then.as_ref().is_some_and(Then::is_leaving);
        self.stage == Stage::Talking && !is_leaving && !self.has_failed
    }

    fn ask_again(&mut self, sentence: Sentence) {
        self.stop_speaking();
        self.outputs.push_back(Output::TakeBack);
        self.ask_sentence(sentence);
    }

    pub(super) fn ask_sentence(&mut self, sentence: Sentence) {
        // It is heard among the languages of the scenario that new calls got when it began, of which this one may have fewer.
        let is_unspoken = sentence.language.is_some_and(|language| !self.languages.contains(&language));
        let event = if is_unspoken {
            Event::OtherLanguage
        } else {
            let (heard, is_foreign) = (sentence.heard.clone(), sentence.foreign.is_clear());
            Event::Said { heard, language: sentence.language, is_foreign }
        };
        let is_next = self.thinking.is_none();
        self.ask(event);
        if is_next && let Some(thinking) = &mut self.thinking {
            thinking.sentence = Some(sentence);
        }
    }

    fn noise(&mut self, now: Instant) {
        if let Some(held) = self.held.take() {
            return self.speak(held.says, held.then);
        }
        let is_listening = self.silence.is_some() && self.thinking.is_none() && !self.mouth.is_speaking();
        if self.is_open() && is_listening {
            self.ask(Event::Noise);
        } else {
            self.wait_on(now);
        }
    }

    fn key(&mut self, digit: Redacted<char>) {
        if !self.is_open() {
            return;
        }
        let event = Event::Key(digit);
        // A sign often means nothing, as behind a number that is whole already: its answer tells whether to stop for it.
        if !is_sign(&event) {
            self.stop_speaking();
            self.held = None;
        }
        self.ask(event);
    }

    /// What is played was stopped, since the caller speaks. More may have been given to the connection since.
    fn interrupted(&mut self, now: Instant) {
        self.stop_speaking();
        self.polite_until = Some(now + POLITE_MAX);
    }

    pub(super) fn stop_speaking(&mut self) {
        if self.mouth.is_speaking() {
            let unfinished = self.mouth.stop();
            self.outputs.push_back(Output::Stop { unfinished });
        }
    }

    fn call_ended(&mut self) {
        self.mouth.stop();
        self.overtaken = None;
        (self.early, self.held, self.instead, self.then, self.silence) = (None, None, None, None, None);
        self.queue.clear();
        let was_talking = self.stage == Stage::Talking;
        self.stage = Stage::Ended;
        if was_talking {
            self.ask(Event::HungUp);
        } else if self.thinking.is_none() {
            self.outputs.push_back(Output::Done);
        }
    }

    fn somebody_speaks(&mut self, channel: Channel) {
        if let Stage::Transferred(waiting) = &mut self.stage {
            waiting.is_speech = true;
            waiting.speaking.insert(channel);
        }
    }

    fn somebody_stops(&mut self, channel: Channel) {
        if let Stage::Transferred(waiting) = &mut self.stage {
            waiting.speaking.remove(&channel);
        }
    }

    /// Words that were begun after the transfer, whoever says them: somebody may have answered, and nobody is fetched back
    /// out of a conversation. A "merci" that was begun before says nothing.
    fn somebody_spoke(&mut self) {
        if let Stage::Transferred(waiting) = &mut self.stage
            && waiting.is_speech
        {
            waiting.until = None;
        }
    }

    fn hold_silence(&mut self) {
        if let Some((_, since)) = &mut self.silence {
            *since = None;
        }
    }

    /// Counts the silence from now on, where somebody is waited for.
    fn wait_on(&mut self, now: Instant) {
        if let Some((_, since)) = &mut self.silence
            && !self.ear.is_speaking()
        {
            *since = Some(now);
        }
    }
}

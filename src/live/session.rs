//! One live call on the thread that listens: what comes in, what follows from it, what is announced.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::bell::Urgency;
use super::chain::{Chain, Next};
use super::command::Command;
use super::decoding::{self, Closed, Decoding, LastText, Overdue, TurnEnd};
use super::inbox::{Control, Item};
use super::keeper::Ending;
use super::link::Link;
use super::metrics::count;
use super::outbox::{Announced, Outbox, UNKEPT_MAX};
use super::saying::Sayings;
use super::voices::{VoiceId, Window};
use super::{CallSetup, Error, Machine, is_internal_mark};
use crate::asr::vote::LanguageVote;
use crate::audio::{SamplePos, SampleSpan, samples_duration};
use crate::call::Channel;
use crate::call::event::{CallEndReason, EventBody, GapReason, TurnEndReason};
use crate::turn::{Input, Output};

/// Failures of one call, each survived by starting its chains anew, after which the call is given up.
const FAILURES_MAX: u32 = 3;

/// Items for which a call keeps room while none wait: the two lists of a call, one that is filled while the other is worked
/// off, are used in turn and seldom hold more. What a flood needed is given back.
const ITEMS_KEPT: usize = 32;

/// Where a call is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Listening,
    /// The audio has ended; finals may be on their way.
    Ending(CallEndReason),
    /// Everything is announced; the record is being completed.
    Completing(CallEndReason),
    Over,
}

/// One channel with what is being decoded of it.
pub(super) struct Track {
    pub(super) chain: Chain,
    pub(super) decoding: Decoding,
    /// The turn that has begun and not ended.
    pub(super) open_turn: Option<u64>,
    /// Names one of which its speaker was asked for.
    pub(super) asked: Arc<[String]>,
}

/// See the module.
pub(super) struct Session {
    pub(super) link: Arc<Link>,
    pub(super) tracks: Vec<Track>,
    pub(super) vote: LanguageVote,
    pub(super) vocabulary: Arc<[String]>,
    pub(super) sentences: Arc<[String]>,
    pub(super) finals_only: bool,
    /// It was taken into a full machine: its finals yield to those of the others.
    pub(super) is_degraded: bool,
    pub(super) outbox: Outbox,
    pub(super) finals: u64,
    pub(super) rejected: u32,
    pub(super) sayings: Sayings,
    /// Taken from the inbox and held back by a hole that is being put in.
    items: VecDeque<Item>,
    stage: Stage,
    playing: u32,
    failures: u32,
    /// Channels that the detector has to begin anew with.
    restarted: Vec<VoiceId>,
    #[cfg(test)]
    panics_when_mended: bool,
}

impl Session {
    /// A call that begins.
    ///
    /// # Errors
    /// The rate of a track or the settings of its turns cannot be used.
    pub(super) fn new(
        machine: &Machine,
        link: &Arc<Link>,
        (setup, is_degraded): (&CallSetup, bool),
    ) -> Result<Self, Error> {
        let now = machine.clock.monotonic();
        let turn = setup.turn.as_ref().unwrap_or(&machine.turn);
        let track = |track: &super::Track| {
            let voice = machine.next_voice();
            let chain = Chain::new((track.channel, track.rate), voice, turn, now)?;
            Ok(Track { chain, decoding: Decoding::default(), open_turn: None, asked: Arc::new([]) })
        };
        Ok(Self {
            link: Arc::clone(link),
            tracks: setup.tracks.iter().map(track).collect::<Result<_, Error>>()?,
            // A bot is told of callers who speak none of its languages; with whisper.cpp that takes an encoding of its own.
            vote: if setup.has_bot {
                LanguageVote::noticing_others(&setup.language)
            } else {
                LanguageVote::new(&setup.language)
            },
            vocabulary: Arc::clone(&setup.vocabulary),
            sentences: Arc::clone(&setup.sentences),
            finals_only: setup.finals_only,
            is_degraded,
            outbox: Outbox::default(),
            finals: 0,
            rejected: 0,
            sayings: Sayings::default(),
            items: VecDeque::new(),
            stage: Stage::Listening,
            playing: 0,
            failures: 0,
            restarted: Vec::new(),
            #[cfg(test)]
            panics_when_mended: false,
        })
    }

    /// Audio time of the call: how much of it was heard.
    pub(super) fn heard(&self) -> SamplePos {
        self.tracks.iter().map(|track| track.chain.heard()).max().unwrap_or_default()
    }

    /// Channels that were started anew since the last time.
    pub(super) fn take_restarted(&mut self) -> Vec<VoiceId> {
        std::mem::take(&mut self.restarted)
    }

    /// Its channels, to the detector.
    pub(super) fn voices(&self) -> impl Iterator<Item = VoiceId> {
        self.tracks.iter().map(|track| track.chain.voice)
    }

    pub(super) fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// Takes up what waits, as far as it can be taken up now; `true` when the call wants to be asked again at once.
    pub(super) fn take_up(&mut self, machine: &Machine) -> bool {
        if self.items.is_empty() {
            let mut room = std::mem::take(&mut self.items);
            if room.capacity() > ITEMS_KEPT {
                room = VecDeque::new();
            }
            self.items = self.link.take_items(room);
        }
        let mut has_hole = false;
        for track in &mut self.tracks {
            has_hole |= track.chain.fill_hole_a_little();
        }
        while let Some(item) = self.items.pop_front() {
            if let Item::Audio { track, .. } | Item::Missing { track, .. } = &item
                && (self.tracks[*track].chain.has_hole() || self.tracks[*track].chain.is_settling())
            {
                self.items.push_front(item);
                return true;
            }
            has_hole |= self.take(machine, item);
        }
        has_hole
    }

    /// Takes one thing up; `true` when it was a hole.
    fn take(&mut self, machine: &Machine, item: Item) -> bool {
        match item {
            // A call that is ending, such as one whose store failed, hears no more: its chains have had their end.
            Item::Audio { .. } | Item::Missing { .. } if self.stage != Stage::Listening => {}
            Item::Audio { track, samples, arrived } => {
                self.tracks[track].chain.push_audio(&samples, arrived);
            }
            Item::Missing { track, samples, reason } => {
                let channel = self.tracks[track].chain.channel;
                let span = self.tracks[track].chain.push_hole(samples);
                self.outbox.push(EventBody::Gap { channel, span, reason });
                return true;
            }
            Item::Control(control) => self.control(machine, control),
            Item::Decoded(decoded) => self.decoded(machine, decoded),
            Item::Judged { address, done_probability } => {
                let track = &mut self.tracks[address.track];
                if track.chain.generation == address.generation
                    && track.decoding.judged(address.request)
                    && let Some(done_probability) = done_probability
                {
                    track.chain.tell(Input::Judged { request: address.request, done_probability });
                    self.follow(machine, address.track);
                }
            }
            Item::Kept { number, is_kept: true } => self.outbox.kept(number),
            Item::Kept { number, is_kept: false } => {
                self.outbox.forget(number);
                count(&machine.metrics.keep_failed);
                self.end(CallEndReason::Failed);
            }
            Item::Finished => {
                if let Stage::Completing(reason) = self.stage {
                    self.over(machine, reason);
                }
            }
        }
        false
    }

    fn control(&mut self, machine: &Machine, control: Control) {
        match control {
            Control::Dtmf { track, digit } => {
                if let Some(pressed) = self.tracks.get_mut(track) {
                    let channel = pressed.chain.channel;
                    pressed.chain.tell(Input::Dtmf);
                    self.outbox.push(EventBody::Dtmf { channel, digit });
                    self.follow(machine, track);
                }
            }
            Control::PlaybackStarted => {
                self.playing += 1;
                self.tell_listeners(machine, Input::PlaybackStarted);
            }
            Control::PlaybackFinished { mark, completed } => {
                self.playing = self.playing.saturating_sub(1);
                if self.playing == 0 {
                    self.tell_listeners(machine, Input::PlaybackEnded);
                }
                if !is_internal_mark(&mark) {
                    self.playback_finished(machine, mark, completed);
                }
            }
            Control::Expect { track, expectation } => {
                if let Some(asked) = self.tracks.get_mut(track) {
                    asked.chain.tell(Input::Expect(expectation));
                    self.follow(machine, track);
                }
            }
            Control::AskedFor { track, names } => {
                if let Some(asked) = self.tracks.get_mut(track) {
                    asked.asked = names;
                }
            }
            Control::Tell(body) => self.outbox.push(*body),
            Control::Says { mark, text, language } => self.says(mark, text, language),
            Control::SaysNoMore { mark } => self.says_no_more(machine, mark),
            Control::EndTurns if self.stage == Stage::Listening => {
                self.tracks.iter_mut().for_each(|track| track.chain.begin_settling());
            }
            Control::EndTurns => {}
            Control::End { reason } => self.end(reason),
            #[cfg(test)]
            Control::Panic => panic!("a test says so"),
            #[cfg(test)]
            Control::PanicTwice => {
                self.panics_when_mended = true;
                panic!("a test says so")
            }
        }
    }

    /// Tells everybody who hears what is played.
    fn tell_listeners(&mut self, machine: &Machine, input: Input) {
        for index in 0..self.tracks.len() {
            if self.tracks[index].chain.channel != Channel::Bot {
                self.tracks[index].chain.tell(input);
                self.follow(machine, index);
            }
        }
    }

    fn end(&mut self, reason: CallEndReason) {
        if self.stage == Stage::Listening {
            self.stage = Stage::Ending(reason);
            for track in &mut self.tracks {
                // What is being settled has had its end; there is no sound behind it.
                if !track.chain.is_settling() {
                    track.chain.end_audio();
                }
            }
        }
    }

    /// The next window that a detector must judge, of track `index`, with its level. Windows of lasting silence are judged
    /// here.
    pub(super) fn next_window(&mut self, machine: &Machine, index: usize) -> Option<(Window, f32)> {
        loop {
            match self.tracks[index].chain.next_window() {
                Next::NotYet => return None,
                Next::Ask { window, level_dbfs } => return Some((window, level_dbfs)),
                Next::Silent { level_dbfs } => {
                    count(&machine.metrics.windows_silent);
                    self.skipped(machine, index, (0.0, level_dbfs));
                }
                Next::Steady { probability, level_dbfs } => {
                    count(&machine.metrics.windows_steady);
                    self.skipped(machine, index, (probability, level_dbfs));
                }
            }
        }
    }

    /// A window of track `index` was judged: probability of speech and level.
    pub(super) fn judged(&mut self, machine: &Machine, index: usize, (probability, level_dbfs): (f32, f32)) {
        let chain = &mut self.tracks[index].chain;
        chain.progressed = machine.clock.monotonic();
        chain.judged(probability, level_dbfs);
        self.follow(machine, index);
    }

    fn skipped(&mut self, machine: &Machine, index: usize, (probability, level_dbfs): (f32, f32)) {
        let chain = &mut self.tracks[index].chain;
        chain.progressed = machine.clock.monotonic();
        chain.skipped(probability, level_dbfs);
        self.follow(machine, index);
    }

    /// Carries out what the turn takers want, until none wants anything.
    pub(super) fn follow(&mut self, machine: &Machine, index: usize) {
        while let Some(output) = self.tracks[index].chain.poll() {
            self.carry_out(machine, index, output);
        }
    }

    fn carry_out(&mut self, machine: &Machine, index: usize, output: Output) {
        let channel = self.tracks[index].chain.channel;
        match output {
            Output::SpeechStarted { turn, at, joins, continues: _ } => {
                self.tracks[index].open_turn = Some(turn);
                self.tracks[index].decoding.continue_final(joins);
                self.outbox.push(EventBody::SpeechStarted { channel, turn, at });
                self.tell_others(machine, index, Input::OtherStarted);
            }
            Output::Partial { request, turn, span } => {
                self.want_partial(machine, index, (request, turn, span))
            }
            Output::Judge { request, span } => self.ask_judge(machine, index, (request, span)),
            Output::Speculate { request, turn, span } => {
                self.speculate(machine, index, (request, turn, span))
            }
            Output::Cancel { request } => {
                if self.tracks[index].decoding.cancel(request) {
                    count(&machine.metrics.speculations_cancelled);
                }
            }
            Output::Part { turn, speculation, speech, audio, joins } => {
                let last = Some(LastText { speculation, audio });
                self.close(machine, index, Closed { turn, last, speech, joins, end: None });
            }
            Output::TurnEnded {
                turn,
                speech,
                audio,
                speculation,
                reason,
                joins,
                continues,
                is_over_other,
            } => {
                let last = Some(LastText { speculation, audio });
                let end = Some(TurnEnd { reason, continues, is_over_other });
                self.turn_ends(machine, index, Closed { turn, last, speech, joins, end });
            }
            Output::TurnOver { turn, end_of_speech, reason, continues } => {
                let speech = SampleSpan::new(end_of_speech, end_of_speech);
                let end = Some(TurnEnd { reason, continues, is_over_other: false });
                self.turn_ends(machine, index, Closed { turn, last: None, speech, joins: None, end });
            }
            Output::Discarded { turn, joins, continues } => {
                self.discarded(machine, index, (turn, joins, continues));
            }
            Output::Interrupt { at } => {
                count(&machine.metrics.interrupted);
                self.outbox.push(EventBody::Interrupted { channel, at });
                self.command(Command::Flush);
            }
        }
    }

    fn turn_ends(&mut self, machine: &Machine, index: usize, closed: Closed) {
        self.tracks[index].open_turn = None;
        self.close(machine, index, closed);
        self.tell_others(machine, index, Input::OtherEnded);
    }

    /// The recogniser heard no words in a turn in the end.
    fn discarded(
        &mut self,
        machine: &Machine,
        index: usize,
        (turn, joins, continues): (u64, Option<u64>, Option<u64>),
    ) {
        if let Some(last) = self.tracks[index].decoding.told_for_good(turn) {
            let (speech, reason) = (last.audio, TurnEndReason::Silence);
            let end = Some(TurnEnd { reason, continues, is_over_other: false });
            // What was told for good of a turn that it joins is told again with it: so it replaces that.
            return self.turn_ends(machine, index, Closed { turn, last: Some(last), speech, joins, end });
        }
        let track = &mut self.tracks[index];
        track.open_turn = None;
        track.decoding.forget_stretch();
        // Whatever the recogniser made of it was not believed: the record says so, as it does of a recording.
        self.rejected += 1;
        count(&machine.metrics.turns_discarded);
        let channel = self.tracks[index].chain.channel;
        self.outbox.push(EventBody::SpeechDiscarded { channel, turn });
        self.tell_others(machine, index, Input::OtherEnded);
    }

    fn tell_others(&mut self, machine: &Machine, speaker: usize, input: Input) {
        for index in 0..self.tracks.len() {
            if index != speaker {
                self.tracks[index].chain.tell(input);
                self.follow(machine, index);
            }
        }
    }

    fn command(&self, command: Command) {
        // Room is reserved for what cannot be repeated; a connection that takes nothing any more is about to end.
        if self.link.commands.try_send(command).is_err() {
            tracing::debug!(call = %self.link.id, "a command found nobody to carry it out");
        }
    }

    /// Everything that can be done without new input: unsent decodings, announcements, the end of the call.
    pub(super) fn settle(&mut self, machine: &Machine) {
        for index in 0..self.tracks.len() {
            self.resend(machine, index);
            self.settle_turns(machine, index);
            if let Stage::Ending(_) = self.stage
                && !self.tracks[index].chain.has_window()
            {
                self.tracks[index].chain.end_turns();
                self.follow(machine, index);
            }
        }
        if self.outbox.unkept() > UNKEPT_MAX {
            self.end(CallEndReason::Failed);
        }
        self.count_speech(machine);
        if !self.outbox.is_empty() {
            self.announce(machine, machine.clock.monotonic());
        }
        if let Stage::Ending(reason) = self.stage
            && self.is_quiet()
        {
            self.complete(machine, reason);
        }
        self.link.set_calm(self.tracks.iter().all(|track| track.chain.is_calm()));
        self.link.set_idle(self.is_quiet(), self.is_over());
    }

    /// Ends the turns of a channel whose speaker is said to be done, once all of the sound before that was heard.
    fn settle_turns(&mut self, machine: &Machine, index: usize) {
        if !self.tracks[index].chain.is_settling() || self.tracks[index].chain.has_window() {
            return;
        }
        self.tracks[index].chain.end_turns();
        self.follow(machine, index);
        if let Err(error) = self.tracks[index].chain.renew() {
            // It was built with the same settings before.
            tracing::error!(call = %self.link.id, %error, "a channel could not go on after its turns had ended");
            self.give_up(machine, CallEndReason::Failed);
        }
    }

    /// Tells for how much speech what is decoded is the work.
    fn count_speech(&mut self, machine: &Machine) {
        let speech: u64 = self.tracks.iter_mut().map(|track| track.chain.take_speech()).sum();
        if speech > 0 {
            machine.admission().spoke(samples_duration(speech), !self.finals_only);
        }
    }

    /// Nothing is being decoded, asked, kept or announced.
    fn is_quiet(&self) -> bool {
        let is_quiet = |track: &Track| {
            let is_heard = !track.chain.has_window() && !track.chain.has_hole();
            is_heard && !track.chain.is_settling() && track.decoding.is_quiet()
        };
        self.items.is_empty() && self.outbox.is_empty() && self.tracks.iter().all(is_quiet)
    }

    fn announce(&mut self, machine: &Machine, now: Instant) {
        let at = self.heard();
        for told in self.outbox.flush(&self.link.log, at, now) {
            let Announced { lag, delay, machine: _ } = told;
            let metrics = &machine.metrics;
            count(&metrics.finals);
            metrics.final_lag.record(lag);
            metrics.final_turn.record(delay.turn);
            metrics.final_text.record(delay.text);
            metrics.final_asked.record(delay.asked);
            machine.admission().announced(now, told);
        }
    }

    fn complete(&mut self, machine: &Machine, reason: CallEndReason) {
        let ending = Ending {
            link: Some(Arc::clone(&self.link)),
            id: self.link.id,
            reason,
            end: self.heard(),
            language: Some(self.vote.leader()),
            rejected_segments: self.rejected,
        };
        self.stage = Stage::Completing(reason);
        if !machine.keeper.as_ref().is_some_and(|keeper| keeper.complete(ending)) {
            self.over(machine, reason);
        }
    }

    fn over(&mut self, machine: &Machine, reason: CallEndReason) {
        self.stage = Stage::Over;
        let duration = samples_duration(self.heard().0);
        // Its place is free before its end is known: whoever hears of the end may call again at once.
        machine.ended(&self.link);
        self.outbox.push(EventBody::CallEnded { reason, duration });
        self.announce(machine, machine.clock.monotonic());
        // Nobody looks after a call that is over, so whoever waits for it is told here.
        self.link.set_idle(true, true);
    }

    /// Ends the call although it is not quiet: nothing that is on its way is waited for.
    pub(super) fn give_up(&mut self, machine: &Machine, reason: CallEndReason) {
        if self.is_over() {
            return;
        }
        for track in &mut self.tracks {
            track.decoding.cancel_all();
        }
        self.outbox.forget_unkept();
        self.items.clear();
        self.over(machine, reason);
    }

    /// Nothing of the call is worked on any more, in whatever state it is.
    pub(super) fn forget(&mut self) {
        self.stage = Stage::Over;
    }

    /// Starts the chains anew that stand still although audio waits, or whose text does not come.
    pub(super) fn watch(&mut self, machine: &Machine, now: Instant) {
        let longest = decoding::longest(machine.config.watchdog);
        for index in 0..self.tracks.len() {
            let track = &mut self.tracks[index];
            if !track.chain.has_window() {
                track.chain.progressed = now;
            }
            let overdue = track.decoding.give_up_overdue(now, longest);
            if overdue != Overdue::default() {
                machine.metrics.partials_dropped.fetch_add(overdue.partials, Ordering::Relaxed);
                machine.metrics.judges_dropped.fetch_add(overdue.judges, Ordering::Relaxed);
                tracing::warn!(
                    call = %self.link.id, channel = %track.chain.channel, partials = overdue.partials,
                    turn_ends = overdue.judges, "an engine gave no answer; the call goes on without"
                );
                // It may be quiet by that.
                self.link.bell.ring(&self.link, Urgency::Now);
            }
            let stands_still =
                now.saturating_duration_since(track.chain.progressed) > machine.config.watchdog;
            if stands_still || track.decoding.is_stuck(now, longest) {
                tracing::warn!(call = %self.link.id, channel = %track.chain.channel, "a channel made no progress");
                self.restart(machine, index);
            }
        }
    }

    /// Something in this call panicked: its chains start anew, a few times.
    pub(super) fn failed(&mut self, machine: &Machine) {
        count(&machine.metrics.panics);
        self.failures += 1;
        #[cfg(test)]
        assert!(!self.panics_when_mended, "a test says so");
        tracing::error!(call = %self.link.id, failures = self.failures, "the processing of a call panicked");
        if self.failures > FAILURES_MAX {
            self.give_up(machine, CallEndReason::Failed);
            return;
        }
        for index in 0..self.tracks.len() {
            self.restart(machine, index);
        }
        self.link.bell.ring(&self.link, Urgency::Now);
    }

    fn restart(&mut self, machine: &Machine, index: usize) {
        machine.metrics.chains_restarted.fetch_add(1, Ordering::Relaxed);
        let channel = self.tracks[index].chain.channel;
        self.restarted.push(self.tracks[index].chain.voice);
        self.abandon(machine, index);
        let open_turn = self.tracks[index].open_turn.take();
        let lost = match self.tracks[index].chain.restart(machine.clock.monotonic()) {
            Ok(span) => span,
            // It was built with the same settings before.
            Err(error) => {
                tracing::error!(call = %self.link.id, %error, "a channel could not be started anew");
                self.give_up(machine, CallEndReason::Failed);
                return;
            }
        };
        // The gap first: it says why the turn has no text, or no more of it.
        self.outbox.push(EventBody::Gap { channel, span: lost, reason: GapReason::Restarted });
        if let Some(turn) = open_turn {
            let end = Some(TurnEnd { reason: TurnEndReason::Silence, continues: None, is_over_other: false });
            let speech = SampleSpan::new(lost.start, lost.start);
            self.turn_is_over(machine, index, (Closed { turn, last: None, speech, joins: None, end }, false));
            self.tell_others(machine, index, Input::OtherEnded);
        }
        if let Stage::Ending(_) = self.stage {
            self.tracks[index].chain.end_audio();
        }
        self.link.bell.ring(&self.link, Urgency::Now);
    }
}

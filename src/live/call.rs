//! The two handles of a live call: [`Call`] for the connection that brings its audio, [`Controls`] for whoever talks.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use super::Machine;
use super::bell::Urgency;
use super::command::{Abilities, Command, INTERNAL_MARK};
use super::inbox::{Control, Inbox};
use super::link::Link;
use super::log::EventLog;
use super::metrics::count;
use crate::asr::LanguageChoice;
use crate::audio::SampleRate;
use crate::call::decision::DecisionRecord;
use crate::call::event::{CallEndReason, EventBody, GapReason};
use crate::call::handover::Handover;
use crate::call::{CallId, Channel, Language};
use crate::redact::Redacted;
use crate::turn::{self, Expectation};

/// Room among the waiting commands that speech to play may not take: stopping it must always be possible.
const COMMANDS_RESERVED: usize = 16;

/// One stream of audio of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Track {
    /// Who is heard.
    pub channel: Channel,
    /// Its sample rate.
    pub rate: SampleRate,
}

/// What is known of a call when it begins.
#[derive(Debug, Clone)]
pub struct CallSetup {
    /// Name of the way it came in, such as `twilio`.
    pub ingress: &'static str,
    /// Name of where it came from, for its record. It may hold a telephone number: it is never logged.
    pub source: String,
    /// Its streams of audio, at least one.
    pub tracks: Vec<Track>,
    /// The language, or the languages it may be in.
    pub language: LanguageChoice,
    /// Names and terms that may be said.
    pub vocabulary: Arc<[String]>,
    /// Sentences as they are said here: recognition leans to their wording, and none of their words is a misheard name.
    pub sentences: Arc<[String]>,
    /// No partials are wanted.
    pub finals_only: bool,
    /// Settings of turns for this call; those of the service without.
    pub turn: Option<turn::Config>,
    /// A bot talks ([`Controls::says`]): what it says belongs to the record of the call.
    pub has_bot: bool,
    /// Which commands its connection carries out.
    pub abilities: Abilities,
}

impl CallSetup {
    /// A call with these streams, everything else as usual: French, English and Dutch, partials, no vocabulary, nobody who
    /// carries out commands.
    pub fn new(ingress: &'static str, tracks: Vec<Track>) -> Self {
        Self {
            ingress,
            source: ingress.to_owned(),
            tracks,
            language: LanguageChoice::Among(crate::call::Language::ALL.to_vec()),
            vocabulary: Arc::new([]),
            sentences: Arc::new([]),
            finals_only: false,
            turn: None,
            has_bot: false,
            abilities: Abilities::default(),
        }
    }
}

/// The connection's side of a call. Dropping it ends the call as [`CallEndReason::Disconnected`].
///
/// Nothing here blocks except where it says so.
#[derive(Debug)]
pub struct Call {
    link: Arc<Link>,
    machine: Arc<Machine>,
    commands: Mutex<Option<mpsc::Receiver<Command>>>,
    finals_only: bool,
}

impl Call {
    pub(super) fn new(
        machine: &Arc<Machine>,
        link: &Arc<Link>,
        commands: mpsc::Receiver<Command>,
        finals_only: bool,
    ) -> Self {
        let (machine, link) = (Arc::clone(machine), Arc::clone(link));
        Self { link, machine, commands: Mutex::new(Some(commands)), finals_only }
    }

    /// Its identity.
    pub fn id(&self) -> CallId {
        self.link.id
    }

    /// Whether it gets no partials, by its own wish or for want of room.
    pub fn is_finals_only(&self) -> bool {
        self.finals_only
    }

    /// Whether nobody has spoken and nothing was played for a while: until somebody does it is all the same whether sound comes
    /// in small pieces at once or in bigger ones a little later.
    pub fn is_calm(&self) -> bool {
        self.link.is_calm()
    }

    /// Takes sound of a track, in [-1, 1] at the track's rate. Sound that waits for longer than `live.waiting_audio` makes
    /// room for newer, is counted and marked as a gap.
    pub fn audio(&self, track: usize, samples: &[f32]) {
        let now = self.machine.clock.monotonic();
        let dropped = self.link.put(Urgency::Sound, |inbox| inbox.push_audio(track, samples, now));
        if dropped > 0 {
            add(&self.machine.metrics.samples_dropped, dropped);
        }
    }

    /// Whether so much sound of a track fits, however late it is taken up.
    pub fn has_room(&self, track: usize, samples: usize) -> bool {
        self.link.has_room(track, samples)
    }

    /// Takes sound as [`Call::audio`] and drops none: blocks until there is room for each part of it, or the call is over.
    pub fn hand_over(&self, track: usize, samples: &[f32]) {
        // Half of what fits: the next part is made while the one before it is worked on.
        for part in samples.chunks(self.link.most(track).div_ceil(2).max(1)) {
            self.link.wait_for_room(track, part.len());
            self.audio(track, part);
        }
    }

    /// What is being said is over: its turns end with the sound that came so far, and no silence is heard for it. Sound may
    /// follow.
    pub fn end_turns(&self) {
        self.control(Control::EndTurns);
    }

    /// Notes that sound of a track is missing, in samples at the track's rate.
    pub fn lost(&self, track: usize, samples: u64) {
        add(&self.machine.metrics.samples_lost, samples);
        self.link.put(Urgency::Sound, |inbox| inbox.push_missing(track, samples, GapReason::Lost));
    }

    /// A key was pressed.
    pub fn dtmf(&self, track: usize, digit: Redacted<char>) {
        self.control(Control::Dtmf { track, digit });
    }

    /// What was played under a mark has ended, or was stopped.
    pub fn playback_finished(&self, mark: String, completed: bool) {
        self.control(Control::PlaybackFinished { mark, completed });
    }

    /// The call is over. Its last events follow.
    pub fn end(self, reason: CallEndReason) {
        self.control(Control::End { reason });
    }

    /// What the connection has to carry out; given once.
    pub fn commands(&self) -> Option<mpsc::Receiver<Command>> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// What becomes known of the call.
    pub fn events(&self) -> Arc<EventLog> {
        Arc::clone(&self.link.log)
    }

    /// The other handle.
    pub fn controls(&self) -> Controls {
        Controls::new(&self.machine, &self.link)
    }

    /// Blocks until `samples` of a track can be taken without dropping any: for audio that comes faster than it was
    /// spoken.
    pub fn wait_for_room(&self, track: usize, samples: usize) {
        self.link.wait_for_room(track, samples);
    }

    /// Blocks until everything that was given is worked on: nothing is being decoded, asked, kept or announced.
    pub fn wait_until_idle(&self) {
        self.link.wait_until_idle();
    }

    fn control(&self, control: Control) {
        put_control(&self.link, &self.machine, control);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // Refused, and so without effect, when the call has ended properly.
        self.link.put(Urgency::Now, |inbox| {
            inbox.push_control(Control::End { reason: CallEndReason::Disconnected })
        });
    }
}

/// The connection cannot take more commands: it has stopped carrying them out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection of the call takes no more commands")]
pub struct NotTaken;

/// The talking side of a call, for a dialogue or an agent. It keeps no call alive.
#[derive(Debug, Clone)]
pub struct Controls {
    link: Arc<Link>,
    machine: Arc<Machine>,
}

impl Controls {
    pub(super) fn new(machine: &Arc<Machine>, link: &Arc<Link>) -> Self {
        Self { link: Arc::clone(link), machine: Arc::clone(machine) }
    }

    /// Who is heard, in the order of the tracks.
    pub fn channels(&self) -> &[Channel] {
        &self.link.channels
    }

    /// Which commands the connection carries out; it is given the others in vain.
    pub fn abilities(&self) -> Abilities {
        self.link.abilities
    }

    /// What becomes known of the call.
    pub fn events(&self) -> Arc<EventLog> {
        Arc::clone(&self.link.log)
    }

    /// Plays to the caller what is in [-1, 1] at `rate`, behind what is being played. The end of what has a `mark` is
    /// announced under it.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub fn play(&self, samples: Arc<[f32]>, rate: SampleRate, mark: Option<String>) -> Result<(), NotTaken> {
        if self.link.commands.capacity() <= COMMANDS_RESERVED {
            return Err(NotTaken);
        }
        // Its end has to be known in any case: speech into it is an interruption only while it plays.
        let mark = mark.unwrap_or_else(|| format!("{INTERNAL_MARK}{}", uuid::Uuid::new_v4()));
        let place = self.link.commands.try_reserve().map_err(|_| NotTaken)?;
        // Before it is sent: the connection may report its end at once, and what ends before it began would count as played
        // for the rest of the call. What finds no room here is not sent: its end would be that of another.
        let begin = |inbox: &mut Inbox| (inbox.push_control(Control::PlaybackStarted), inbox.has_ended());
        let (has_begun, is_over) = self.link.put(Urgency::Now, begin);
        if !has_begun {
            count(&self.machine.metrics.controls_refused);
        }
        if !has_begun && !is_over {
            return Err(NotTaken);
        }
        place.send(Command::Play { samples, rate, mark });
        Ok(())
    }

    /// Stops what is played.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub fn flush(&self) -> Result<(), NotTaken> {
        self.send(Command::Flush)
    }

    /// Ends the call.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub fn hang_up(&self) -> Result<(), NotTaken> {
        self.send(Command::HangUp)
    }

    /// Connects the caller to somebody else.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub fn transfer(&self, target: Redacted<String>) -> Result<(), NotTaken> {
        self.send(Command::Transfer { target })
    }

    /// Says what the speaker of a track was asked for; it holds until the next.
    pub fn expect(&self, track: usize, expectation: Expectation) {
        put_control(&self.link, &self.machine, Control::Expect { track, expectation });
    }

    /// Says that the speaker of a track was asked for one of `names`, so that the recogniser expects them before anything else;
    /// none for another question. It holds until the next.
    pub fn asked_for(&self, track: usize, names: Arc<[String]>) {
        put_control(&self.link, &self.machine, Control::AskedFor { track, names });
    }

    /// Announces the beginning of something that is said. What is played under `mark` from now on are these words; call
    /// it before. They are kept as an utterance of the bot when that has ended.
    pub fn says(&self, mark: String, text: Redacted<String>, language: Language) {
        put_control(&self.link, &self.machine, Control::Says { mark, text, language });
    }

    /// What was to be said under `mark` is given up before its last sound was given to [`Controls::play`].
    pub fn says_no_more(&self, mark: String) {
        put_control(&self.link, &self.machine, Control::SaysNoMore { mark });
    }

    /// Announces what was decided on the call. After the end of the call without effect, as all the others.
    pub fn decided(&self, decision: Box<DecisionRecord>) {
        self.tell(EventBody::TurnDecided { decision });
    }

    /// Announces that the call is handed to people. Ask for the transfer when the event is in the log.
    pub fn handed_over(&self, handover: Box<Handover>) {
        self.tell(EventBody::HandedOver { handover });
    }

    fn tell(&self, body: EventBody) {
        put_control(&self.link, &self.machine, Control::Tell(Box::new(body)));
    }

    #[cfg(test)]
    pub(super) fn control_for_test(&self, control: Control) {
        put_control(&self.link, &self.machine, control);
    }

    fn send(&self, command: Command) -> Result<(), NotTaken> {
        self.link.commands.try_send(command).map_err(|_| NotTaken)
    }
}

fn put_control(link: &Arc<Link>, machine: &Machine, control: Control) {
    if !link.put(Urgency::Now, |inbox| inbox.push_control(control)) {
        count(&machine.metrics.controls_refused);
    }
}

fn add(counter: &std::sync::atomic::AtomicU64, number: u64) {
    counter.fetch_add(number, std::sync::atomic::Ordering::Relaxed);
}

//! The state machine of one channel.

use std::collections::VecDeque;

use super::floor::Floor;
use super::patience::{self, Evidence, Settings, Wait};
use super::speech::{Ended, Fall, Heard, Onset, Pause, Turn};
use super::{Config, Expectation, Input, InvalidConfig, Output, Reading, Reason, RequestId, TextKind};
use crate::audio::{SamplePos, SampleSpan};
use crate::call::event::TurnEndReason;
use crate::vad::{Strengths, WINDOW_SAMPLES};

const WINDOW: u64 = WINDOW_SAMPLES as u64;
/// Windows of speech that end a pause: one alone is a click or a breath more often than a word.
const RESUME_WINDOWS: u32 = 2;
/// Windows of pause after which too short a speech was none: 192 ms, longer than the closure of a plosive.
const GIVE_UP_WINDOWS: u64 = 6;
/// Windows after which sound that has fallen away and is no pause yet is speech after all: 192 ms. The detector needs some 100 ms
/// to hear that nobody speaks.
const FALL_WINDOWS: u64 = 6;
/// What Smart Turn listens to, at most.
const JUDGED_SAMPLES: u64 = 8 * 16_000;
/// Quiet before the first speech that Smart Turn was trained with: half a second.
const JUDGED_LEAD_SAMPLES: u64 = 8_000;
/// A turn is continued only where this much still fits into one final: 2 s.
const JOIN_ROOM_SAMPLES: u64 = 32_000;

/// Turn-taking of one channel. Drain [`TurnTaker::poll`] after every push.
#[derive(Debug)]
pub struct TurnTaker {
    settings: Settings,
    windows: u64,
    state: State,
    expectation: Expectation,
    /// Whether somebody said what he expects, or plays something to the speaker: a dialogue waits for the ends of turns.
    is_asked: bool,
    floor: Floor,
    /// The turn that more speech would continue.
    last: Option<Ended>,
    /// The final of an ended turn whose text may still say that it was to interrupt, and where the turn ended.
    late: Option<(RequestId, SamplePos)>,
    /// No later turn takes audio before this, unless it continues the last one.
    free_from: SamplePos,
    strengths: Strengths,
    /// Whether the last window was speech by itself.
    is_loud: bool,
    turns: u64,
    requests: u64,
    outputs: VecDeque<Output>,
    has_ended: bool,
}

#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "one a channel, and taken out and put back with each window")]
enum State {
    Idle,
    /// Speech, not enough of it to be sure.
    Candidate(Onset),
    Speaking(Turn),
}

impl TurnTaker {
    /// A taker at the start of a channel.
    ///
    /// # Errors
    /// [`InvalidConfig`] when the values do not fit together.
    pub fn new(config: &Config) -> Result<Self, InvalidConfig> {
        Ok(Self {
            settings: Settings::new(config)?,
            windows: 0,
            state: State::Idle,
            expectation: Expectation::Open,
            is_asked: false,
            floor: Floor::default(),
            last: None,
            late: None,
            free_from: SamplePos::ZERO,
            strengths: Strengths::default(),
            is_loud: false,
            turns: 0,
            requests: 0,
            outputs: VecDeque::new(),
            has_ended: false,
        })
    }

    /// What happened next. Nothing happens after [`Input::EndOfAudio`].
    pub fn push(&mut self, input: Input) {
        if self.has_ended {
            return;
        }
        match input {
            Input::Window { speech_probability, level_dbfs } => self.window(speech_probability, level_dbfs),
            Input::Judged { request, done_probability } => self.judged(request, done_probability),
            Input::Heard { request, reading } => self.heard(request, reading),
            Input::Expect(expectation) => (self.expectation, self.is_asked) = (expectation, true),
            Input::PlaybackStarted => {
                self.is_asked = true;
                self.floor.playback_started(self.now());
            }
            Input::PlaybackEnded => self.floor.playback_ended(self.now()),
            Input::OtherStarted => self.floor.other_started(self.now()),
            Input::OtherEnded => self.floor.other_ended(self.now()),
            Input::Dtmf => self.dtmf(),
            Input::EndOfAudio => self.end_of_audio(),
        }
        self.act();
        self.forget();
    }

    /// What follows, in order.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Whether nobody speaks, and what was said is over.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    /// Audio before this is not asked for any more; never goes back.
    pub fn earliest_needed(&self) -> SamplePos {
        match &self.state {
            State::Speaking(turn) => turn.needed_from(),
            State::Candidate(onset) => self.kept_from(onset.speech_start, onset.audio_start),
            State::Idle => self.kept_from(self.now(), self.audio_start_of(self.now())),
        }
    }

    /// When something happens without being told anything but time, and what; at the first window that reaches it.
    pub fn next_deadline(&self) -> Option<(SamplePos, Reason)> {
        if self.has_ended {
            return None;
        }
        let State::Speaking(turn) = &self.state else {
            let last = self.continuable(self.now())?;
            return Some((last.speech.end.plus(self.settings.repair_samples), Reason::RepairOver));
        };
        let Some(pause) = turn.pause else {
            let partial = self.partial_due(turn).map(|due| (due, Reason::Partial));
            let fall = self.fall_due(turn).map(|due| (due, Reason::Speculate));
            return fall.into_iter().chain(partial).min_by_key(|(at, _)| *at);
        };
        let wait = self.patience(turn, pause);
        let speculates = pause.speculation.is_none().then_some(self.settings.speculate_samples);
        let judges = (pause.judge.is_none() && self.settings.smart_turn)
            .then(|| self.settings.judge_after(self.is_asked));
        let settles = wait.settle.filter(|_| !turn.is_settled);
        [
            (speculates, Reason::Speculate),
            (judges, Reason::Judge),
            (Some(wait.end), Reason::EndTurn),
            (settles, Reason::Settle),
        ]
        .into_iter()
        .filter_map(|(samples, reason)| Some((pause.start.plus(samples?), reason)))
        .min_by_key(|(at, _)| *at)
    }

    fn now(&self) -> SamplePos {
        SamplePos(self.windows * WINDOW)
    }

    fn request(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
    }

    /// Start of the audio of a turn whose speech begins at `speech_start` and that continues nothing.
    fn audio_start_of(&self, speech_start: SamplePos) -> SamplePos {
        speech_start.minus(self.settings.pre_roll_samples).max(self.free_from)
    }

    /// Where the audio begins that speech from `at` on needs: at `start`, unless it continues a turn that is decoded again.
    fn kept_from(&self, at: SamplePos, start: SamplePos) -> SamplePos {
        let again = self.continuable(at).and_then(|last| last.again_from);
        again.map_or(start, |from| from.min(start))
    }

    /// The last turn, when speech that begins at `at` continues it.
    fn continuable(&self, at: SamplePos) -> Option<Ended> {
        let last = self.last?;
        let gap = at.0.saturating_sub(last.speech.end.0);
        let is_soon = self.settings.repair_samples > 0 && gap <= self.settings.repair_samples;
        let length = |from: SamplePos| self.now().0.saturating_sub(from.0);
        let fits = |from| length(from) + JOIN_ROOM_SAMPLES <= self.settings.max_audio_samples;
        let has_room = last.again_from.is_none_or(fits);
        (is_soon && has_room && !self.floor.was_taken(self.now())).then_some(last)
    }

    fn window(&mut self, probability: f32, level_dbfs: f32) {
        let probability = if probability.is_nan() { 0.0 } else { probability };
        let start = self.now();
        self.windows += 1;
        self.strengths.push(probability, level_dbfs);
        self.is_loud = probability >= self.settings.threshold;
        let is_quiet = probability < self.settings.negative_threshold;
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Idle if self.is_loud => {
                let onset = Onset {
                    audio_start: self.audio_start_of(start),
                    speech_start: start,
                    speech_windows: 0,
                    pause_start: None,
                };
                self.listen(onset, start, is_quiet);
            }
            State::Idle => {}
            State::Candidate(onset) => self.listen(onset, start, is_quiet),
            State::Speaking(mut turn) => {
                let falls = turn.falls(level_dbfs, self.is_loud);
                self.follow(&mut turn, start, (is_quiet, falls));
                self.state = State::Speaking(turn);
            }
        }
    }

    /// A window while it is not yet sure that this is speech.
    fn listen(&mut self, mut onset: Onset, window_start: SamplePos, is_quiet: bool) {
        if self.is_loud {
            onset.speech_windows += 1;
            onset.pause_start = None;
        } else if is_quiet {
            onset.pause_start.get_or_insert(window_start);
        }
        let pause = onset.pause_start.map_or(0, |start| self.now().0 - start.0);
        if onset.speech_windows >= self.settings.min_speech_windows(self.expectation) {
            self.start(onset);
        } else if pause < GIVE_UP_WINDOWS * WINDOW {
            self.state = State::Candidate(onset);
        }
    }

    fn start(&mut self, onset: Onset) {
        let continued = self.continuable(onset.speech_start);
        self.last = None;
        self.turns += 1;
        let continues = continued.map(|last| last.turn);
        let again = continued.and_then(|last| Some((last, last.again_from?)));
        let joins = again.map(|(last, _)| last.turn);
        let (turn, at) = (self.turns, onset.speech_start);
        self.outputs.push_back(Output::SpeechStarted { turn, at, joins, continues });
        self.state = State::Speaking(Turn {
            number: turn,
            audio_start: again.map_or(onset.audio_start, |(_, from)| from),
            speech_start: again.map_or(at, |(last, _)| last.speech.start),
            onset: at,
            joins,
            continues,
            parts: 0,
            pause: None,
            voice_dbfs: None,
            fall: None,
            partial_from: at,
            open: VecDeque::new(),
            reading: None,
            over_other: false,
            has_interrupted: false,
            is_settled: false,
            digits_before: continued.map_or(0, |last| last.digits),
            told: None,
        });
    }

    /// A window within a turn.
    fn follow(&mut self, turn: &mut Turn, window_start: SamplePos, (is_quiet, falls): (bool, bool)) {
        turn.over_other |= self.is_loud && self.floor.is_taken();
        let Some(pause) = &mut turn.pause else {
            self.follow_fall(turn, window_start, falls);
            if is_quiet {
                let speculation = turn.fall.take().and_then(|fall| fall.speculation);
                turn.pause = Some(Pause { speculation, ..Pause::at(window_start) });
            }
            return;
        };
        if self.is_loud {
            pause.loud_windows += 1;
        } else if is_quiet {
            pause.loud_windows = 0;
        }
        if pause.loud_windows >= RESUME_WINDOWS {
            if turn.is_settled {
                // What was told stays.
                pause.speculation = None;
            }
            self.outputs.extend(pause.cancelled());
            let paused_at = pause.start;
            turn.pause = None;
            if turn.is_settled {
                let at = window_start.minus(u64::from(RESUME_WINDOWS - 1) * WINDOW);
                self.resume(turn, SampleSpan::new(paused_at, at));
            }
        }
    }

    /// Sound falls away some 100 ms before the detector says that nobody speaks. The text of what was said can be asked for
    /// then; it is taken back when the voice comes again, or was not gone after all.
    fn follow_fall(&mut self, turn: &mut Turn, window_start: SamplePos, falls: bool) {
        let is_late = |fall: Fall| window_start.0 - fall.start.0 >= FALL_WINDOWS * WINDOW;
        if turn.fall.is_some_and(is_late) {
            // Somebody speaks softly: that is the voice from here on.
            turn.voice_dbfs = None;
            self.take_fall_back(turn);
        } else if !falls {
            self.take_fall_back(turn);
        } else {
            turn.fall.get_or_insert(Fall { start: window_start, speculation: None });
        }
    }

    fn take_fall_back(&mut self, turn: &mut Turn) {
        let speculation = turn.fall.take().and_then(|fall| fall.speculation);
        self.outputs.extend(speculation.map(|(request, _)| Output::Cancel { request }));
    }

    fn judged(&mut self, request: RequestId, done_probability: f32) {
        if let State::Speaking(Turn { pause: Some(pause), .. }) = &mut self.state
            && pause.judge == Some(request)
        {
            pause.done_probability = Some(if done_probability.is_nan() { 0.0 } else { done_probability });
        }
    }

    fn heard(&mut self, request: RequestId, reading: Reading) {
        if self.late.is_some_and(|(late, ended)| late == request && self.floor.was_playing(ended)) {
            self.late = None;
            self.take_floor(takes_floor(reading.kind, self.expectation));
        }
        let State::Speaking(turn) = &mut self.state else { return };
        let Some(until) = turn.open.iter().find(|(open, _)| *open == request).map(|(_, until)| *until) else {
            return;
        };
        turn.open.retain(|(open, _)| *open > request);
        if turn.reading.is_none_or(|heard| heard.request < request) {
            turn.reading = Some(Heard { request, until, reading });
        }
    }

    /// A key takes the floor from whatever is played, and from the speaker's own pause.
    fn dtmf(&mut self) {
        self.take_floor(true);
        if let State::Speaking(turn) = &self.state
            && turn.pause.is_some()
            && !self.is_loud
        {
            let turn = turn.clone();
            self.end(turn, TurnEndReason::Dtmf);
        }
    }

    fn end_of_audio(&mut self) {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Speaking(turn) => self.end(turn, TurnEndReason::EndOfAudio),
            State::Idle | State::Candidate(_) => {}
        }
        self.has_ended = true;
    }

    /// Does what is due.
    fn act(&mut self) {
        let mut turn = match std::mem::replace(&mut self.state, State::Idle) {
            State::Speaking(turn) => turn,
            silent @ (State::Idle | State::Candidate(_)) => {
                self.state = silent;
                return;
            }
        };
        self.interrupt(&mut turn);
        if !turn.is_settled && self.now().0 + WINDOW - turn.audio_start.0 > self.settings.max_audio_samples {
            self.cut(&mut turn);
        }
        match turn.pause {
            Some(_) if self.is_loud => {}
            Some(mut pause) => {
                let paused = self.now().0 - pause.start.0;
                if paused > self.settings.rejoin_samples + u64::from(RESUME_WINDOWS) * WINDOW {
                    // Its audio is not asked for again.
                    turn.told = None;
                }
                self.prepare(&mut turn, &mut pause, paused);
                turn.pause = Some(pause);
                let wait = self.patience(&turn, pause);
                if paused >= wait.end {
                    return self.end(turn, wait.reason);
                }
                if !turn.is_settled && wait.settle.is_some_and(|settle| paused >= settle) {
                    self.settle(&mut turn, pause);
                }
            }
            None if self.fall_due(&turn).is_some_and(|due| due <= self.now()) => {
                let speculation = Some(self.speculate(&mut turn, self.now()));
                turn.fall = turn.fall.map(|fall| Fall { speculation, ..fall });
            }
            None if self.partial_due(&turn).is_some_and(|due| due <= self.now()) => {
                let (request, span) = (self.request(), SampleSpan::new(turn.audio_start, self.now()));
                turn.await_text(request, span.end);
                turn.partial_from = self.now();
                self.outputs.push_back(Output::Partial { request, turn: turn.number, span });
            }
            None => {}
        }
        self.state = State::Speaking(turn);
    }

    /// When the text of `turn`, whose sound has fallen away, is asked for.
    fn fall_due(&self, turn: &Turn) -> Option<SamplePos> {
        let fall = turn.fall.filter(|fall| fall.speculation.is_none() && !turn.is_settled)?;
        Some(fall.start.plus(self.settings.speculate_samples))
    }

    /// When a partial of `turn`, which is not in a pause, is due. Into what is played texts come sooner: they tell whether the
    /// speaker only listens.
    fn partial_due(&self, turn: &Turn) -> Option<SamplePos> {
        let settings = &self.settings;
        let is_barging_in = settings.barge_in && self.floor.is_playing_on();
        let interval =
            if is_barging_in { settings.barge_in_partial_samples } else { settings.partial_samples };
        // What it would tell is on its way.
        let is_awaited = turn.fall.is_some_and(|fall| fall.speculation.is_some());
        (interval > 0 && !is_awaited).then(|| turn.partial_from.plus(interval))
    }

    /// Begins in a pause of `paused` samples what its end would need.
    fn prepare(&mut self, turn: &mut Turn, pause: &mut Pause, paused: u64) {
        if pause.judge.is_none()
            && self.settings.smart_turn
            && paused >= self.settings.judge_after(self.is_asked)
        {
            let request = self.request();
            let lead = turn.speech_start.minus(JUDGED_LEAD_SAMPLES).max(turn.audio_start);
            let span = SampleSpan::new(lead.max(self.now().minus(JUDGED_SAMPLES)), self.now());
            pause.judge = Some(request);
            self.outputs.push_back(Output::Judge { request, span });
        }
        if pause.speculation.is_none() && paused >= self.settings.speculate_samples {
            pause.speculation = Some(self.speculate(turn, self.now()));
        }
    }

    fn speculate(&mut self, turn: &mut Turn, end: SamplePos) -> (RequestId, SampleSpan) {
        let (request, span) = (self.request(), SampleSpan::new(turn.audio_start, end));
        turn.await_text(request, end);
        self.outputs.push_back(Output::Speculate { request, turn: turn.number, span });
        (request, span)
    }

    fn patience(&self, turn: &Turn, pause: Pause) -> Wait {
        patience::wait(
            &self.settings,
            &Evidence {
                expectation: self.expectation,
                is_asked: self.is_asked,
                reading: turn.whole_reading(),
                is_text_final: turn.final_reading().is_some(),
                done_probability: pause.done_probability,
                is_over_other: turn.over_other,
            },
        )
    }

    /// Tells the text of what was said up to this pause.
    fn settle(&mut self, turn: &mut Turn, pause: Pause) {
        let Some((speculation, audio)) = pause.speculation else { return };
        self.outputs.push_back(Output::Part {
            turn: turn.number,
            speculation,
            speech: SampleSpan::new(turn.speech_start, pause.start),
            audio,
            joins: turn.joins,
        });
        turn.tell(audio.end, self.settings.rejoin_samples > 0);
    }

    /// The speaker of a settled turn goes on behind `pause`. Behind a short one what was told is decoded with what follows, and
    /// replaced; else what follows is a part of its own.
    fn resume(&mut self, turn: &mut Turn, pause: SampleSpan) {
        let at = pause.end;
        turn.is_settled = false;
        turn.partial_from = at;
        turn.reading = None;
        turn.onset = at;
        let length = at.0.saturating_sub(turn.needed_from().0);
        let has_room = length + JOIN_ROOM_SAMPLES <= self.settings.max_audio_samples;
        if has_room && pause.samples() <= self.settings.rejoin_samples && turn.rejoin() {
            return;
        }
        turn.told = None;
        turn.audio_start = turn.audio_start.max(at.minus(self.settings.pre_roll_samples));
        turn.speech_start = at.max(turn.audio_start);
    }

    /// Ends `turn`, which is in a pause unless the audio ended.
    fn end(&mut self, mut turn: Turn, reason: TurnEndReason) {
        self.state = State::Idle;
        self.take_fall_back(&mut turn);
        let speech_end = turn.pause.map_or(self.now(), |pause| pause.start);
        let judge = turn.pause.and_then(|pause| pause.judge.filter(|_| pause.done_probability.is_none()));
        self.outputs.extend(judge.map(|request| Output::Cancel { request }));
        let has_no_words = turn.final_reading().is_some_and(|reading| reading.kind == TextKind::Nothing);
        if turn.is_settled {
            self.end_told(&turn, (speech_end, reason));
        } else if turn.parts == 0 && turn.joins != Some(turn.number) && has_no_words {
            self.free_from = self.free_from.max(speech_end);
            let Turn { number: turn, joins, continues, .. } = turn;
            self.outputs.push_back(Output::Discarded { turn, joins, continues });
        } else {
            self.end_with_final(turn, (speech_end, reason));
        }
    }

    /// Ends a turn of which everything is in parts already.
    fn end_told(&mut self, turn: &Turn, (end_of_speech, reason): (SamplePos, TurnEndReason)) {
        self.free_from = self.free_from.max(turn.audio_start);
        self.remember(turn, (end_of_speech, reason), None);
        let (turn, continues) = (turn.number, turn.continues);
        self.outputs.push_back(Output::TurnOver { turn, end_of_speech, reason, continues });
    }

    fn end_with_final(&mut self, mut turn: Turn, (speech_end, reason): (SamplePos, TurnEndReason)) {
        let is_heard = turn.final_reading().is_some();
        let speculation = turn.pause.and_then(|pause| pause.speculation);
        let (speculation, audio) = speculation.unwrap_or_else(|| self.speculate(&mut turn, self.now()));
        let keeps_listening = turn.over_other && !turn.has_interrupted && turn.parts == 0;
        self.free_from = audio.end;
        self.late = (!is_heard).then_some((speculation, speech_end));
        self.remember(&turn, (speech_end, reason), turn.is_one_final().then_some(audio.start));
        self.outputs.push_back(Output::TurnEnded {
            turn: turn.number,
            speech: SampleSpan::new(turn.speech_start, speech_end),
            audio,
            speculation,
            reason,
            joins: turn.joins,
            continues: turn.continues,
            is_over_other: keeps_listening && self.expectation != Expectation::YesNo,
        });
    }

    /// Remembers `turn`, which has ended, for speech that goes on soon; its audio is decoded again from `again_from` then.
    fn remember(
        &mut self,
        turn: &Turn,
        (speech_end, reason): (SamplePos, TurnEndReason),
        again_from: Option<SamplePos>,
    ) {
        let digits = if again_from.is_some() { 0 } else { turn.digits_at_end() };
        let speech = SampleSpan::new(turn.speech_start, speech_end);
        let ended = Ended { turn: turn.number, speech, again_from, digits };
        self.last = (reason != TurnEndReason::Dtmf).then_some(ended);
        self.floor.watch(self.now());
    }

    /// Gives a final to the part of `turn` before its weakest point.
    fn cut(&mut self, turn: &mut Turn) {
        self.take_fall_back(turn);
        if let Some(pause) = &mut turn.pause
            && let Some((request, _)) = pause.speculation.take()
        {
            self.outputs.push_back(Output::Cancel { request });
        }
        let speech_end = turn.pause.map_or(self.now(), |pause| pause.start);
        let half = turn.audio_start.plus(self.settings.max_audio_samples / 2);
        let at = self.strengths.weakest(SampleSpan::new(half.min(speech_end), speech_end));
        let at = at.min(speech_end).max(turn.speech_start.plus(1));
        let (speculation, audio) = self.speculate(turn, at);
        self.outputs.push_back(Output::Part {
            turn: turn.number,
            speculation,
            speech: SampleSpan::new(turn.speech_start, at),
            audio,
            joins: turn.joins.take(),
        });
        turn.parts += 1;
        (turn.audio_start, turn.speech_start) = (at, at);
        turn.open.clear();
        turn.reading = None;
    }

    /// Takes the floor for `turn` when it is more than a sign of listening: by its words, or by speech that goes on for long
    /// behind all that a text is there of.
    fn interrupt(&mut self, turn: &mut Turn) {
        if !self.floor.can_interrupt(self.now(), self.settings.protection_samples) {
            return;
        }
        let heard_until = turn.reading.map_or(turn.onset, |heard| heard.until.max(turn.onset));
        let unheard = self.now().0.saturating_sub(heard_until.0);
        let is_long = turn.pause.is_none() && unheard >= self.settings.barge_in_samples;
        let has_words = turn.reading.is_some_and(|heard| takes_floor(heard.reading.kind, self.expectation));
        turn.has_interrupted |= self.take_floor(is_long || has_words);
    }

    /// Stops what is played, when `wants_it`; whether that was so.
    fn take_floor(&mut self, wants_it: bool) -> bool {
        let at = self.now();
        let takes_it = wants_it && self.settings.barge_in && self.floor.interrupt();
        if takes_it {
            self.outputs.push_back(Output::Interrupt { at });
        }
        takes_it
    }

    /// Drops what no later cut looks at.
    fn forget(&mut self) {
        self.strengths.forget_before(self.earliest_needed().min(self.now()));
    }
}

/// Whether words of this kind are more than a sign of listening.
const fn takes_floor(kind: TextKind, expectation: Expectation) -> bool {
    match kind {
        TextKind::Nothing => false,
        TextKind::BackChannel => matches!(expectation, Expectation::YesNo),
        TextKind::Answer
        | TextKind::Opening
        | TextKind::Number
        | TextKind::EmailBegun
        | TextKind::EmailComplete
        | TextKind::Unfinished
        | TextKind::Other => true,
    }
}

#[cfg(test)]
mod tests;

//! From what a turn taker asks for to texts: decodings go to the recogniser's pool, answers come back judged by the
//! guard, and each ended turn becomes a final or nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Machine;
use super::admission::{Kind, Relief};
use super::chain::Evidence;
use super::decoding::{Closed, Closing, LastText, Partial, Speculation, State, TurnEnd};
use super::inbox::{Address, Decoded};
use super::judge::{self, Question};
use super::keeper::Job;
use super::metrics::count;
use super::outbox::Moments;
use super::session::Session;
use super::work::Work;
use crate::asr::{self, CancelFlag, Priority, Recognition, Request, Task};
use crate::audio::SampleSpan;
use crate::call::Utterance;
use crate::call::decision::CorrectionRecord;
use crate::call::event::{EventBody, FinalDelay, GapReason};
use crate::guard::{self, Candidate, Verdict};
use crate::redact::Redacted;
use crate::store::LiveFinal;
use crate::turn::{self, Expectation, Input, Reading, RequestId, TextKind};

/// Times that the recogniser is asked for one final.
const ATTEMPTS: u32 = 2;
/// How much later the finals of a call are due that a full machine took for finals only: about one recognition (BENCHMARKS.md,
/// "Where the time goes"), so that calls with full service seldom wait for it and it waits for those of their finals only that come
/// soon after its own.
pub(super) const YIELDS: Duration = Duration::from_millis(400);

impl Session {
    /// A partial is due. One is decoded at a time; of those that come meanwhile the newest counts.
    pub(super) fn want_partial(
        &mut self,
        machine: &Machine,
        index: usize,
        (request, turn, span): (RequestId, u64, SampleSpan),
    ) {
        let is_relieved = machine.admission().relief() == Relief::NoPartials;
        let is_busy = is_relieved || machine.pool.waiting_for(Priority::LiveFinal) > 0;
        let decoding = &mut self.tracks[index].decoding;
        if self.finals_only || is_busy {
            count(&machine.metrics.partials_dropped);
            return;
        }
        if decoding.partial.is_some() {
            if decoding.wanted.replace((request, turn, span)).is_some() {
                count(&machine.metrics.partials_dropped);
            }
            return;
        }
        let now = machine.clock.monotonic();
        let samples = self.tracks[index].chain.samples(span);
        let arrived = self.tracks[index].chain.arrival(span.end, now);
        let due = self.tracks[index].decoding.shown.unwrap_or(arrived);
        let asked = self.ask(
            machine,
            index,
            Asking {
                request,
                samples,
                priority: Priority::LivePartial,
                due,
                stale: Some(arrived + machine.config.partial_patience),
            },
        );
        match asked {
            Ok(cancel) => {
                let partial = Partial { request, turn, span, asked: now, cancel };
                self.tracks[index].decoding.partial = Some(partial);
            }
            Err(_) => count(&machine.metrics.partials_dropped),
        }
    }

    /// The pause may be the end: decode for the final.
    pub(super) fn speculate(
        &mut self,
        machine: &Machine,
        index: usize,
        (request, turn, span): (RequestId, u64, SampleSpan),
    ) {
        let track = &mut self.tracks[index];
        // It tells all that the partial would have told.
        if track.decoding.cancel_partial() {
            count(&machine.metrics.partials_dropped);
        }
        let samples = track.chain.samples(span);
        let evidence = track.chain.evidence(span, &samples);
        let asked = machine.clock.monotonic();
        let speculation = Speculation {
            request,
            turn,
            span,
            samples,
            evidence,
            asked,
            work: Default::default(),
            attempts: 0,
            state: State::Unsent,
        };
        track.decoding.speculations.push(speculation);
        self.send(machine, index, request);
    }

    /// Sends what the recogniser had no room for, and the partial that waited for the one before it.
    pub(super) fn resend(&mut self, machine: &Machine, index: usize) {
        let decoding = &mut self.tracks[index].decoding;
        let is_unsent = |speculation: &&Speculation| matches!(speculation.state, State::Unsent);
        let unsent: Vec<RequestId> =
            decoding.speculations.iter().filter(is_unsent).map(|speculation| speculation.request).collect();
        for request in unsent {
            self.send(machine, index, request);
        }
        let decoding = &mut self.tracks[index].decoding;
        if decoding.partial.is_none()
            && let Some(wanted) = decoding.wanted.take()
        {
            self.want_partial(machine, index, wanted);
        }
    }

    fn send(&mut self, machine: &Machine, index: usize, request: RequestId) {
        let now = machine.clock.monotonic();
        let track = &mut self.tracks[index];
        let Some(speculation) = track.decoding.speculation(request) else { return };
        let (samples, end) = (Arc::clone(&speculation.samples), speculation.span.end);
        // Who fell silent first is served first.
        let due = track.chain.arrival(end, now) + if self.is_degraded { YIELDS } else { Duration::ZERO };
        let asking = Asking { request, samples, priority: Priority::LiveFinal, due, stale: None };
        let sent = self.ask(machine, index, asking);
        let Some(speculation) = self.tracks[index].decoding.speculation(request) else { return };
        match sent {
            Ok(cancel) => {
                speculation.attempts += 1;
                speculation.asked = now;
                speculation.state = State::Waiting(cancel);
            }
            Err(asr::Error::Busy { .. }) => {}
            Err(_) => {
                speculation.state = State::Failed;
                self.settle_closings(machine, index);
            }
        }
    }

    fn ask(&self, machine: &Machine, index: usize, asking: Asking) -> Result<CancelFlag, asr::Error> {
        let address = self.address(index, asking.request);
        let listener = Work::new(machine, &self.link, address, asking.stale);
        // What was shown as stable stays: it need not be decoded again.
        let prefix = self.tracks[index].decoding.stable.stable_text();
        let request = Request {
            samples: asking.samples,
            language: self.vote.choice(),
            task: Task::Transcribe,
            vocabulary: Arc::clone(&self.vocabulary),
            asked: Arc::clone(&self.tracks[index].asked),
            sentences: Arc::clone(&self.sentences),
            prefix,
            priority: asking.priority,
        };
        machine.pool.submit_to(request, asking.due, Box::new(listener))
    }

    fn address(&self, track: usize, request: RequestId) -> Address {
        Address { track, generation: self.tracks[track].chain.generation, request }
    }

    /// Asks Smart Turn.
    pub(super) fn ask_judge(
        &mut self,
        machine: &Machine,
        index: usize,
        (request, span): (RequestId, SampleSpan),
    ) {
        let cancel = CancelFlag::new();
        let question = Question {
            link: Arc::clone(&self.link),
            address: self.address(index, request),
            samples: self.tracks[index].chain.samples(span),
            asked: machine.clock.monotonic(),
            cancel: cancel.clone(),
        };
        if machine.has_judge {
            self.tracks[index].decoding.asks(request, question.asked, cancel);
            judge::ask(machine, question);
        }
    }

    /// The recogniser answers.
    pub(super) fn decoded(&mut self, machine: &Machine, decoded: Decoded) {
        let index = decoded.address.track;
        let request = decoded.address.request;
        let is_current = self.tracks[index].chain.generation == decoded.address.generation;
        let partial = self.tracks[index].decoding.partial.as_ref();
        let is_partial = is_current && partial.is_some_and(|partial| partial.request == request);
        if !decoded.ran.is_zero() {
            machine.metrics.decode.record(decoded.ran);
            let kind = if decoded.is_partial { Kind::Partial } else { Kind::Final };
            machine.admission().decoded(machine.clock.monotonic(), kind, decoded.ran);
        }
        machine.metrics.decode_wait.record(decoded.waited);
        if is_partial {
            self.partial_decoded(machine, index, decoded.result);
        } else if is_current {
            if let Some(speculation) = self.tracks[index].decoding.speculation(request) {
                speculation.work = (decoded.waited, decoded.ran);
            }
            self.speculation_decoded(machine, index, (request, decoded.result));
        }
    }

    fn partial_decoded(&mut self, machine: &Machine, index: usize, result: Result<Recognition, asr::Error>) {
        let track = &mut self.tracks[index];
        let Some(Partial { request, turn, span, .. }) = track.decoding.partial.take() else { return };
        let Ok(recognition) = result else {
            count(&machine.metrics.partials_dropped);
            return;
        };
        let samples = track.chain.samples(span);
        let evidence = track.chain.evidence(span, &samples);
        let believed = judge_text(machine, [&self.vocabulary, &track.asked], (span, evidence), recognition);
        self.show(machine, index, (turn, span, believed.as_ref()));
        let chain = &mut self.tracks[index].chain;
        let reading = believed.as_ref().map_or(Reading::NOTHING, |it| reading_of(it, chain.expectation()));
        chain.tell(Input::Heard { request, reading });
        self.follow(machine, index);
    }

    /// Shows what was heard so far of the stretch of speech that goes on.
    fn show(
        &mut self,
        machine: &Machine,
        index: usize,
        (turn, span, believed): (u64, SampleSpan, Option<&Recognition>),
    ) {
        let Some(believed) = believed.filter(|_| !self.finals_only) else { return };
        let now = machine.clock.monotonic();
        let track = &mut self.tracks[index];
        let length = crate::audio::SamplePos(span.samples());
        track.decoding.stable.hear(&believed.words, length);
        track.decoding.shown = Some(now);
        count(&machine.metrics.partials);
        let arrived = track.chain.arrival(span.end, now);
        machine.metrics.partial_lag.record(now.saturating_duration_since(arrived));
        self.outbox.push(EventBody::TranscriptPartial {
            channel: track.chain.channel,
            turn,
            start: span.start,
            stable: track.decoding.stable.stable_text(),
            unstable: track.decoding.stable.unstable_text(),
        });
    }

    fn speculation_decoded(
        &mut self,
        machine: &Machine,
        index: usize,
        (request, result): (RequestId, Result<Recognition, asr::Error>),
    ) {
        let Some(speculation) = self.tracks[index].decoding.speculation(request) else { return };
        let recognition = match result {
            Ok(recognition) => recognition,
            Err(error) => {
                // What one recogniser hung on may be what the next one hangs on.
                let is_hopeless = matches!(error, asr::Error::Closed | asr::Error::Stuck);
                let is_tried_enough = speculation.attempts >= ATTEMPTS || is_hopeless;
                speculation.state = if is_tried_enough { State::Failed } else { State::Unsent };
                tracing::warn!(call = %self.link.id, %error, "a final could not be recognised");
                self.resend(machine, index);
                self.settle_closings(machine, index);
                return;
            }
        };
        let (turn, span, evidence) = (speculation.turn, speculation.span, speculation.evidence);
        let names: [&[String]; 2] = [&self.vocabulary, &self.tracks[index].asked];
        let believed = judge_text(machine, names, (span, evidence), recognition);
        let expectation = self.tracks[index].chain.expectation();
        let reading = believed.as_ref().map_or(Reading::NOTHING, |it| reading_of(it, expectation));
        let decoding = &mut self.tracks[index].decoding;
        let is_closing = decoding.closings.iter().any(|closing| closing.closed.waits_for(request));
        if !is_closing {
            self.show(machine, index, (turn, span, believed.as_ref()));
        }
        if let Some(speculation) = self.tracks[index].decoding.speculation(request) {
            speculation.state = State::Heard(believed);
        }
        self.settle_closings(machine, index);
        self.tracks[index].chain.tell(Input::Heard { request, reading });
        self.follow(machine, index);
    }

    /// A turn, or a part of one, has ended: its final is announced when its text is here.
    pub(super) fn close(&mut self, machine: &Machine, index: usize, closed: Closed) {
        let now = machine.clock.monotonic();
        let track = &mut self.tracks[index];
        let moments = Moments {
            speech_ended: track.chain.arrival(closed.speech.end, now),
            shown_over: track.chain.last_arrival(now),
        };
        let stable = track.decoding.end_stretch();
        if let Some(LastText { speculation: request, audio }) = closed.last {
            match track.decoding.speculation(request) {
                Some(speculation) if matches!(speculation.state, State::Heard(_)) => {
                    count(&machine.metrics.finals_ready);
                }
                Some(_) => {}
                // The taker names what it asked for before; should it not be there, the text is asked for now.
                None => self.speculate(machine, index, (request, closed.turn, audio)),
            }
        }
        let closing = Closing { closed, stable, moments, closed_at: now };
        self.tracks[index].decoding.closings.push_back(closing);
        self.settle_closings(machine, index);
    }

    /// Announces the ended turns whose text is here, oldest first: finals of a channel come in the order of speech.
    fn settle_closings(&mut self, machine: &Machine, index: usize) {
        loop {
            let decoding = &mut self.tracks[index].decoding;
            let Some(closed) = decoding.closings.front().map(|closing| closing.closed) else { return };
            let Some(LastText { speculation: request, .. }) = closed.last else {
                decoding.closings.pop_front();
                self.turn_is_over(machine, index, (closed, false));
                continue;
            };
            let place = decoding.speculations.iter().position(|speculation| {
                speculation.request == request && matches!(speculation.state, State::Heard(_) | State::Failed)
            });
            let Some(place) = place else { return };
            let speculation = decoding.speculations.swap_remove(place);
            let Some(closing) = decoding.closings.pop_front() else { return };
            let delay = delay(&closing, &speculation, machine.clock.monotonic());
            let span = speculation.span;
            match speculation.state {
                State::Heard(Some(believed)) => {
                    self.vote.count(&believed, closed.speech.duration());
                    self.announce_final(machine, index, (closing, Heard { span, delay, believed }));
                }
                State::Heard(None) => {
                    self.rejected += 1;
                    self.announce_told(machine, index, (closing, span, delay));
                }
                State::Failed | State::Unsent | State::Waiting(_) => {
                    self.mark_lost(machine, index, closed);
                    self.announce_told(machine, index, (closing, span, delay));
                }
            }
        }
    }

    /// There is no final text. What was told of it as stable is the final then, because it never changes; a turn of which
    /// nothing was told ends without.
    fn announce_told(
        &mut self,
        machine: &Machine,
        index: usize,
        (closing, span, delay): (Closing, SampleSpan, FinalDelay),
    ) {
        let Some(words) = closing.stable.told() else {
            return self.turn_is_over(machine, index, (closing.closed, false));
        };
        let likelihood: f32 = words.iter().map(|word| word.confidence.max(f32::MIN_POSITIVE).ln()).sum();
        let believed = Recognition {
            language: self.vote.leader(),
            text: closing.stable.stable_text(),
            words: words.to_vec(),
            mean_log_probability: likelihood / words.len().max(1) as f32,
            no_speech_probability: 0.0,
            foreign_share: None,
            context_positions: 0,
            decodings: 1,
            alternatives: Vec::new(),
            corrections: Vec::new(),
        };
        self.announce_final(machine, index, (closing, Heard { span, delay, believed }));
    }

    fn announce_final(&mut self, machine: &Machine, index: usize, (closing, heard): (Closing, Heard)) {
        let (closed, Heard { span, delay, believed }) = (closing.closed, heard);
        let words = closing.stable.complete(&believed.words);
        if closed.end.is_some() {
            let length = crate::audio::SamplePos(span.samples());
            self.tracks[index].decoding.remember_words(closed.turn, &words, length);
        }
        let channel = self.tracks[index].chain.channel;
        let spoken = believed.retold(words);
        let is_sign = reading_of(&spoken, Expectation::Open).kind == TextKind::BackChannel;
        let (alternatives, corrections) = (spoken.weighted_alternatives(), spoken.corrections.clone());
        let foreign_share = spoken.foreign_share;
        if let Some(utterance) = spoken.into_utterance(channel, span) {
            let moments = closing.moments;
            let said = Said { utterance, alternatives, corrections, foreign_share, moments, delay };
            self.keep(machine, index, (closed, said));
        }
        self.turn_is_over(machine, index, (closed, is_sign));
    }

    /// Sends a final to the store, and behind it to those who follow the call.
    fn keep(&mut self, machine: &Machine, index: usize, (closed, said): (Closed, Said)) {
        let Said { utterance, alternatives, corrections, foreign_share, moments, delay } = said;
        let number = self.next_final();
        let decoding = &mut self.tracks[index].decoding;
        let replaces = closed.joins.map(|turn| decoding.finals_of(turn)).unwrap_or_default();
        if closed.joins.is_some_and(|joined| joined != closed.turn) {
            count(&machine.metrics.turns_joined);
        }
        decoding.remember(closed.turn, number, closed.joins);
        let channel = self.tracks[index].chain.channel;
        let spoken = LiveFinal { call: self.link.id, number, utterance: utterance.clone(), replaces };
        let is_kept = self.send_to_store(machine, spoken);
        let (turn, joins, latency) = (closed.turn, closed.joins, std::time::Duration::ZERO);
        let body = EventBody::TranscriptFinal {
            channel,
            turn,
            utterance,
            alternatives,
            corrections,
            foreign_share,
            joins,
            latency,
            delay,
        };
        self.outbox.push_final(body, number, (moments, is_kept));
    }

    /// The number of the next utterance in the store.
    pub(super) fn next_final(&mut self) -> u64 {
        let number = self.finals;
        self.finals += 1;
        number
    }

    /// Gives an utterance to the thread that keeps; `true` when there is no store, so that nobody has to wait.
    pub(super) fn send_to_store(&self, machine: &Machine, spoken: LiveFinal) -> bool {
        let Some(keeper) = &machine.keeper else { return true };
        let number = spoken.number;
        let (link, asked) = (Arc::clone(&self.link), machine.clock.monotonic());
        if !keeper.keep(Job::Append { link, spoken, asked }) {
            count(&machine.metrics.keep_failed);
            // Too many wait for the store: this one would never be announced, and the call ends for it.
            self.link.answer(super::inbox::Item::Kept { number, is_kept: false });
        }
        false
    }

    /// Says how the turn ended, unless it goes on. `is_sign`: its text is only a sign of listening.
    pub(super) fn turn_is_over(
        &mut self,
        machine: &Machine,
        index: usize,
        (closed, is_sign): (Closed, bool),
    ) {
        let Some(TurnEnd { reason, continues, is_over_other }) = closed.end else { return };
        let track = &self.tracks[index];
        let (channel, turn) = (track.chain.channel, closed.turn);
        if track.decoding.finals_of(turn).is_empty() {
            count(&machine.metrics.turns_discarded);
            self.outbox.push(EventBody::SpeechDiscarded { channel, turn });
        } else {
            let end_of_speech = closed.speech.end;
            let is_back_channel = is_over_other && is_sign;
            // Who only listens goes on with nothing, unless the text holds both.
            let continues = if is_back_channel { closed.joins } else { continues };
            // A turn whose text came too late to be any was none.
            let continues = continues.filter(|earlier| !track.decoding.finals_of(*earlier).is_empty());
            self.outbox.push(EventBody::TurnEnded {
                channel,
                turn,
                end_of_speech,
                reason,
                continues,
                is_back_channel,
            });
        }
    }

    /// The recogniser failed on a final: what was said is marked as not heard.
    fn mark_lost(&mut self, machine: &Machine, index: usize, closed: Closed) {
        count(&machine.metrics.finals_failed);
        let channel = self.tracks[index].chain.channel;
        self.outbox.push(EventBody::Gap { channel, span: closed.speech, reason: GapReason::Failed });
    }

    /// Stops everything that is being decoded of a channel; the turns that wait for a text end without.
    pub(super) fn abandon(&mut self, machine: &Machine, index: usize) {
        for closed in self.tracks[index].decoding.cancel_all() {
            if closed.last.is_some() {
                self.mark_lost(machine, index, closed);
            }
            self.turn_is_over(machine, index, (closed, false));
        }
    }
}

/// What the recogniser is to be asked.
struct Asking {
    request: RequestId,
    samples: Arc<[f32]>,
    priority: Priority,
    due: Instant,
    /// When nobody wants the answer any more.
    stale: Option<Instant>,
}

/// A text that is about to be a final.
struct Heard {
    span: SampleSpan,
    delay: FinalDelay,
    believed: Recognition,
}

/// A final on its way to the store.
struct Said {
    utterance: Utterance,
    alternatives: Vec<(Redacted<String>, f32)>,
    corrections: Vec<CorrectionRecord>,
    foreign_share: Option<f32>,
    moments: Moments,
    delay: FinalDelay,
}

/// Where the time of a final went, up to now that its text is there.
fn delay(closing: &Closing, speculation: &Speculation, now: Instant) -> FinalDelay {
    let since_speech = |at: Instant| at.saturating_duration_since(closing.moments.speech_ended);
    let (queued, decoded) = speculation.work;
    FinalDelay {
        turn: since_speech(closing.closed_at),
        text: now.saturating_duration_since(closing.closed_at),
        keep: std::time::Duration::ZERO,
        asked: since_speech(speculation.asked),
        queued,
        decoded,
    }
}

/// A recognition after the guard: what is believed of it.
fn judge_text(
    machine: &Machine,
    [vocabulary, asked]: [&[String]; 2],
    (span, evidence): (SampleSpan, Evidence),
    recognition: Recognition,
) -> Option<Recognition> {
    let candidate = Candidate {
        recognition: &recognition,
        segment_seconds: span.duration().as_secs_f32(),
        mean_speech_probability: evidence.detector.mean_probability,
        speech_seconds: evidence.detector.speech_seconds,
        level_dbfs: evidence.level_dbfs,
        language: recognition.language,
        vocabulary,
        asked,
    };
    match machine.guard.judge(&candidate) {
        Verdict::Accept => Some(recognition),
        Verdict::Trim { words_kept } => Some(guard::trimmed(&recognition, words_kept)),
        Verdict::Reject(_) => None,
    }
}

/// What a text says about the end of its turn, as an answer to what was asked for.
fn reading_of(recognition: &Recognition, expectation: Expectation) -> Reading {
    turn::text::read(recognition.text.reveal(), recognition.language, expectation)
}

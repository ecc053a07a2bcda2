use std::collections::HashSet;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::audio::duration_samples;

/// What a driver may do next.
#[derive(Debug, Clone)]
enum Step {
    Windows(f32, u32),
    Judge(f32),
    Hear(TextKind, u32),
    Tell(Input),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    use TextKind::*;
    let probability = prop_oneof![Just(0.95_f32), Just(0.02), Just(0.42), Just(f32::NAN), 0.0_f32..1.0];
    let kind = proptest::sample::select(vec![
        Nothing,
        BackChannel,
        Answer,
        Opening,
        Number,
        EmailBegun,
        EmailComplete,
        Unfinished,
        Other,
    ]);
    let told = proptest::sample::select(vec![
        Input::PlaybackStarted,
        Input::PlaybackEnded,
        Input::OtherStarted,
        Input::OtherEnded,
        Input::Dtmf,
        Input::Expect(Expectation::Open),
        Input::Expect(Expectation::YesNo),
        Input::Expect(Expectation::Digits { count: 4 }),
        Input::Expect(Expectation::Email),
    ]);
    let windows = (probability.clone(), 1_u32..60);
    let step = prop_oneof![
        8 => windows.prop_map(|(probability, count)| Step::Windows(probability, count)),
        3 => probability.prop_map(Step::Judge),
        3 => (kind, 0_u32..12).prop_map(|(kind, digits)| Step::Hear(kind, digits)),
        1 => told.prop_map(Step::Tell),
    ];
    proptest::collection::vec(step, 0..60)
}

/// Follows a taker and checks what must hold at every step.
struct Witness {
    taker: TurnTaker,
    config: Config,
    judge: Option<RequestId>,
    decode: Option<RequestId>,
    requests: HashSet<RequestId>,
    cancelled: HashSet<RequestId>,
    open_turn: Option<u64>,
    /// The turn that the open one continues.
    continues: Option<u64>,
    /// The turn of the last final and its audio.
    told_of: u64,
    told_from: SamplePos,
    told_until: SamplePos,
    turns: u64,
    earliest: SamplePos,
    /// Windows of clear silence since the last other one.
    quiet_windows: u64,
    is_loud: bool,
    is_over: bool,
    is_playing: bool,
    was_interrupted: bool,
}

impl Witness {
    fn new(config: Config) -> Self {
        Self {
            taker: TurnTaker::new(&config).unwrap(),
            config,
            judge: None,
            decode: None,
            requests: HashSet::new(),
            cancelled: HashSet::new(),
            open_turn: None,
            continues: None,
            told_of: 0,
            told_from: SamplePos::ZERO,
            told_until: SamplePos::ZERO,
            turns: 0,
            earliest: SamplePos::ZERO,
            quiet_windows: 0,
            is_loud: false,
            is_over: false,
            is_playing: false,
            was_interrupted: false,
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Windows(speech_probability, count) => {
                for _ in 0..count {
                    let is_quiet = speech_probability.is_nan() || speech_probability < 0.35;
                    self.quiet_windows = if is_quiet { self.quiet_windows + 1 } else { 0 };
                    self.is_loud = speech_probability >= 0.5;
                    self.push(Input::Window { speech_probability, level_dbfs: -40.0 });
                }
            }
            Step::Judge(done_probability) => {
                if let Some(request) = self.judge {
                    self.push(Input::Judged { request, done_probability });
                }
            }
            Step::Hear(kind, digits) => {
                if let Some(request) = self.decode {
                    self.push(Input::Heard { request, reading: Reading { words: 1, kind, digits } });
                }
            }
            Step::Tell(input) => {
                if input == Input::PlaybackStarted {
                    self.was_interrupted &= self.is_playing;
                    self.is_playing = true;
                }
                self.push(input);
                self.is_playing &= input != Input::PlaybackEnded;
            }
        }
    }

    fn push(&mut self, input: Input) {
        self.is_over |= input == Input::EndOfAudio;
        self.taker.push(input);
        while let Some(output) = self.taker.poll() {
            self.check(output);
        }
        let (now, earliest) = (self.taker.now(), self.taker.earliest_needed());
        assert!(earliest >= self.earliest, "{earliest:?} went back from {:?}", self.earliest);
        assert!(earliest <= now);
        self.earliest = earliest;
        let most = duration_samples(self.config.max_audio + self.config.repair_window) + WINDOW;
        assert!(now.0 - earliest.0 <= most, "{} samples are kept", now.0 - earliest.0);
        if let Some((at, reason)) = self.taker.next_deadline() {
            assert!(at.plus(WINDOW) >= now || self.is_loud, "{reason:?} was due at {at:?}, now is {now:?}");
        }
        let is_endless = self.open_turn.is_some() && self.quiet_windows > self.longest_wait_windows();
        assert!(!is_endless, "a turn waits for ever");
    }

    fn longest_wait_windows(&self) -> u64 {
        let config = &self.config;
        let delays = [config.max_delay, config.unjudged_delay, config.dictation_delay, config.text_wait];
        let others = [config.unfinished_delay, config.opening_delay, config.unasked_delay];
        let longest = delays.into_iter().chain(others).max();
        duration_samples(longest.unwrap()).div_ceil(WINDOW) + 1
    }

    fn check(&mut self, output: Output) {
        match output {
            Output::SpeechStarted { turn, at, joins, continues } => {
                assert!(continues.is_none_or(|continues| continues < turn));
                assert!(joins.is_none() || joins == continues);
                self.continues = continues;
                assert_eq!((self.open_turn, turn), (None, self.turns + 1));
                assert!(at < self.taker.now());
                self.turns = turn;
                self.open_turn = Some(turn);
            }
            Output::Partial { request, turn, span } | Output::Speculate { request, turn, span } => {
                assert_eq!(self.open_turn, Some(turn));
                self.check_request(request, span);
                assert!(span.samples() <= duration_samples(self.config.max_audio));
                self.decode = Some(request);
            }
            Output::Judge { request, span } => {
                self.check_request(request, span);
                assert!(span.samples() <= 8 * 16_000);
                self.judge = Some(request);
            }
            Output::Cancel { request } => {
                assert!(self.requests.contains(&request), "{request:?} is known");
                assert!(self.cancelled.insert(request), "{request:?} is cancelled once");
            }
            Output::Part { turn, speculation, speech, audio, joins } => {
                assert_eq!(self.open_turn, Some(turn));
                self.check_final(speculation, speech, audio);
                self.check_told_once(turn, joins, audio);
            }
            Output::TurnEnded { turn, speculation, speech, audio, joins, continues, .. } => {
                assert_eq!(self.open_turn.take(), Some(turn));
                assert_eq!(continues, self.continues);
                self.check_told_once(turn, joins, audio);
                self.check_final(speculation, speech, audio);
                assert!(self.is_over || !self.is_loud, "a turn ends in silence");
            }
            Output::TurnOver { turn, end_of_speech, continues, .. } => {
                assert_eq!(self.open_turn.take(), Some(turn));
                assert_eq!(continues, self.continues);
                assert!(end_of_speech <= self.taker.now());
                assert!(self.is_over || !self.is_loud, "a turn ends in silence");
            }
            Output::Discarded { turn, .. } => {
                assert_eq!(self.open_turn.take(), Some(turn));
                assert!(self.is_over || !self.is_loud, "a turn ends in silence");
            }
            Output::Interrupt { .. } => {
                assert!(self.is_playing && !self.was_interrupted, "one interruption a playback");
                self.was_interrupted = true;
            }
        }
    }

    fn check_request(&mut self, request: RequestId, span: SampleSpan) {
        assert!(self.requests.insert(request), "{request:?} is new");
        assert!(span.start >= self.earliest && span.end <= self.taker.now() && span.samples() > 0);
    }

    /// Audio of a final is in no other final but in one that it replaces, and all of that is in it.
    fn check_told_once(&mut self, turn: u64, joins: Option<u64>, audio: SampleSpan) {
        if joins == Some(turn) {
            assert!(!self.config.repair_window.is_zero());
            assert_eq!(self.told_of, turn, "something was told of it");
            assert_eq!(audio.start, self.told_from, "all that is replaced is told again");
        } else {
            assert!(joins.is_none() || joins == self.continues);
            assert!(joins.is_some() || audio.start >= self.told_until, "{audio:?} is told twice");
        }
        (self.told_of, self.told_from, self.told_until) = (turn, audio.start, audio.end);
    }

    fn check_final(&self, speculation: RequestId, speech: SampleSpan, audio: SampleSpan) {
        assert!(self.requests.contains(&speculation) && !self.cancelled.contains(&speculation));
        assert!(audio.start <= speech.start && speech.samples() > 0, "{speech:?} in {audio:?}");
    }
}

fn configs() -> impl Strategy<Value = Config> {
    (any::<bool>(), any::<bool>(), 0_u64..1_000, 32_u64..2_000, any::<bool>(), 0_u64..1_500).prop_map(
        |(smart_turn, joins, text_wait, max_delay, is_short, settle_delay)| Config {
            smart_turn,
            settle_delay: Duration::from_millis(settle_delay),
            unasked_delay: Duration::from_millis(settle_delay),
            repair_window: Duration::from_secs(if joins { 3 } else { 0 }),
            text_wait: Duration::from_millis(text_wait),
            barge_in_speech: Config::default().barge_in_interval + Duration::from_millis(text_wait),
            min_delay: Duration::from_millis(max_delay.min(200)),
            max_delay: Duration::from_millis(max_delay),
            max_audio: Duration::from_secs(if is_short { 11 } else { 28 }),
            ..Config::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(384))]
    #[test]
    fn any_sequence_of_inputs_keeps_the_promises(config in configs(), steps in steps()) {
        let mut witness = Witness::new(config);
        steps.iter().for_each(|step| witness.step(step));
        witness.push(Input::EndOfAudio);
        prop_assert_eq!(witness.open_turn, None, "every turn has ended");
        witness.push(Input::Window { speech_probability: 0.9, level_dbfs: -20.0 });
    }
}

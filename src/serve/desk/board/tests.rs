//! Any events in any order, and the picture that a page makes of the changes.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::audio::{SamplePos, SampleSpan};
use crate::call::event::CallEndReason;
use crate::call::handover::sample;
use crate::call::{Language, Utterance};
use crate::serve::desk::talk::LINES_MAX;

fn id(number: u8) -> CallId {
    CallId(Uuid::from_u128(number.into()))
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn event(call: u8, body: EventBody) -> Event {
    Event { call: id(call), sequence: 1, at: SamplePos::ZERO, body }
}

fn handed_over(call: u8, route: &str) -> EventBody {
    let handover = Handover { call: id(call), route: route.into(), at: at(call.into()), ..sample() };
    EventBody::HandedOver { handover: Box::new(handover) }
}

fn partial(channel: Channel, turn: u64, text: &str) -> EventBody {
    let (stable, unstable) = (text.into(), "".into());
    EventBody::TranscriptPartial { channel, turn, start: SamplePos::ZERO, stable, unstable }
}

fn spoken(channel: Channel, turn: u64, joins: Option<u64>, text: &str) -> EventBody {
    let span = SampleSpan::new(SamplePos(0), SamplePos(16_000));
    let language = Language::Fr;
    let utterance =
        Utterance { channel, span, language, text: text.into(), confidence: 0.9, words: Vec::new() };
    EventBody::TranscriptFinal {
        channel,
        turn,
        utterance,
        joins,
        latency: Duration::ZERO,
        alternatives: Vec::new(),
        corrections: Vec::new(),
        foreign_share: None,
        delay: Default::default(),
    }
}

fn ended() -> EventBody {
    EventBody::CallEnded { reason: CallEndReason::HungUp, duration: Duration::ZERO }
}

fn apply_all(board: &mut Board, events: Vec<Event>) -> Vec<Change> {
    events.iter().flat_map(|event| board.apply(event, at(100))).collect()
}

fn texts(board: &Board, call: u8) -> Vec<(Channel, String, bool)> {
    let (_, talk) = board.shown(id(call)).unwrap();
    talk.lines().map(|line| (line.channel, line.text.reveal().clone(), line.is_final)).collect()
}

#[test]
fn a_call_is_shown_from_its_hand_over_to_its_end_with_what_was_said_before() {
    let mut board = Board::new(Duration::ZERO);
    let before = vec![
        event(1, EventBody::BotSaid { text: "Bonjour.".into(), mark: "a".into() }),
        event(1, partial(Channel::Caller, 1, "ma fac")),
        event(1, spoken(Channel::Caller, 1, None, "Ma facture.")),
    ];
    assert_eq!(apply_all(&mut board, before), []);
    assert_eq!(board.all_shown(), []);
    assert_eq!(board.apply(&event(1, handed_over(1, "facturation")), at(1)), [Change::Call(id(1))]);
    let lines =
        [(Channel::Bot, "Bonjour.".to_owned(), true), (Channel::Caller, "Ma facture.".to_owned(), true)];
    assert_eq!(texts(&board, 1), lines);
    let gone = Change::Gone(id(1), "facturation".to_owned());
    assert_eq!(board.apply(&event(1, ended()), at(2)), [gone]);
    assert_eq!(board.apply(&event(1, handed_over(1, "facturation")), at(3)), [], "it is over");
    assert_eq!(board.all_shown(), []);
}

#[test]
fn a_call_is_taken_when_an_agent_speaks_and_waits_again_when_it_is_handed_on() {
    let mut board = Board::new(Duration::ZERO);
    let speaks =
        || event(1, EventBody::SpeechStarted { channel: Channel::Agent, turn: 1, at: SamplePos::ZERO });
    board.apply(&speaks(), at(1));
    board.apply(&event(1, handed_over(1, "a")), at(2));
    let state = |board: &Board| board.shown(id(1)).unwrap().0.state;
    assert_eq!(state(&board), State::Waiting, "who spoke before is not who takes it");
    assert_eq!(board.apply(&speaks(), at(5)), [Change::Call(id(1))]);
    assert_eq!(state(&board), State::Current(at(5)));
    assert_eq!(board.apply(&speaks(), at(6)), [], "he has it already");
    let moved = board.apply(&event(1, handed_over(1, "b")), at(9));
    assert_eq!(moved, [Change::Gone(id(1), "a".to_owned()), Change::Call(id(1))]);
    assert_eq!(state(&board), State::Waiting);
}

#[test]
fn turns_that_are_joined_and_turns_without_words_leave_no_line_behind() {
    let mut board = Board::new(Duration::ZERO);
    apply_all(
        &mut board,
        vec![
            event(1, handed_over(1, "a")),
            event(1, spoken(Channel::Caller, 1, None, "Je voudrais")),
            event(1, partial(Channel::Caller, 2, "un avoir")),
            event(1, spoken(Channel::Caller, 2, Some(1), "Je voudrais un avoir.")),
            event(1, partial(Channel::Agent, 1, "hum")),
            event(1, EventBody::SpeechDiscarded { channel: Channel::Agent, turn: 1 }),
        ],
    );
    assert_eq!(texts(&board, 1), [(Channel::Caller, "Je voudrais un avoir.".to_owned(), true)]);
}

#[test]
fn where_the_sound_leaves_with_the_transfer_a_call_stays_a_while() {
    let mut board = Board::new(Duration::from_secs(30));
    apply_all(&mut board, vec![event(1, handed_over(1, "a"))]);
    assert_eq!(board.apply(&event(1, ended()), at(10)), [Change::Call(id(1))]);
    assert_eq!(board.sweep(at(39)), []);
    assert_eq!(board.sweep(at(40)), [Change::Gone(id(1), "a".to_owned())]);
    // Whoever was spoken to is gone at once.
    let taken = EventBody::SpeechStarted { channel: Channel::Agent, turn: 1, at: SamplePos::ZERO };
    apply_all(&mut board, vec![event(2, handed_over(2, "a")), event(2, taken)]);
    assert_eq!(board.apply(&event(2, ended()), at(50)), [Change::Gone(id(2), "a".to_owned())]);
}

#[test]
fn the_newest_hand_over_is_on_top() {
    let mut board = Board::new(Duration::ZERO);
    apply_all(&mut board, [2, 3, 1].map(|call| event(call, handed_over(call, "a"))).to_vec());
    assert_eq!(board.all_shown(), [3, 2, 1].map(id));
}

#[test]
fn a_board_that_is_full_lets_the_oldest_go() {
    let mut board = Board::new(Duration::ZERO);
    let call =
        |number: u128| Event { call: CallId(Uuid::from_u128(number)), ..event(0, handed_over(0, "a")) };
    for number in 0..CALLS_MAX as u128 {
        assert_eq!(board.apply(&call(number), at(1)).len(), 1);
    }
    let changes = board.apply(&call(5_000), at(1));
    assert_eq!(
        changes,
        [Change::Gone(CallId(Uuid::from_u128(0)), "a".into()), Change::Call(CallId(Uuid::from_u128(5_000)))]
    );
    assert_eq!(board.all_shown().len(), CALLS_MAX);
}

fn any_body() -> impl Strategy<Value = (u8, EventBody)> {
    let channel = prop_oneof![Just(Channel::Caller), Just(Channel::Agent), Just(Channel::Bot)];
    (0_u8..6, 0_u8..9, channel, 1_u64..4, any::<bool>()).prop_map(|(call, kind, channel, turn, flag)| {
        let joins = flag.then_some(turn.saturating_sub(1));
        let body = match kind {
            0 => handed_over(call, if flag { "a" } else { "b" }),
            1 => ended(),
            2 => EventBody::SpeechStarted { channel, turn, at: SamplePos::ZERO },
            3 => EventBody::SpeechDiscarded { channel, turn },
            4 => EventBody::BotSaid { text: "dit".into(), mark: "m".into() },
            5 | 6 => partial(channel, turn, "par"),
            _ => spoken(channel, turn, joins, "fin"),
        };
        (call, body)
    })
}

/// What a page makes of the changes: it knows calls by what it is told and nothing else.
#[derive(Debug, Default, PartialEq)]
struct Page(BTreeMap<CallId, (Shown, BTreeMap<u64, Line>)>);

impl Page {
    fn put(&mut self, board: &Board, id: CallId) {
        if let Some((shown, talk)) = board.shown(id) {
            let lines = talk.lines().map(|line| (line.id, line.clone())).collect();
            self.0.insert(id, (shown.clone(), lines));
        }
    }

    fn of(board: &Board) -> Self {
        let mut page = Self::default();
        board.all_shown().into_iter().for_each(|id| page.put(board, id));
        page
    }

    fn take(&mut self, board: &Board, change: Change) {
        match change {
            Change::Call(id) => self.put(board, id),
            Change::Gone(id, _) => drop(self.0.remove(&id)),
            Change::Line(id, line) => drop(self.0.get_mut(&id).map(|call| call.1.insert(line.id, line))),
            Change::LineGone(id, line) => drop(self.0.get_mut(&id).map(|call| call.1.remove(&line))),
        }
    }
}

proptest! {
    #[test]
    fn a_page_that_takes_every_change_shows_the_board_and_ended_calls_are_gone(
        events in proptest::collection::vec(any_body(), 0..400),
        lingers in any::<bool>(),
    ) {
        let mut board = Board::new(Duration::from_secs(if lingers { 5 } else { 0 }));
        let (mut page, mut over) = (Page::default(), BTreeSet::new());
        for (second, (call, body)) in (0..).zip(events) {
            if matches!(body, EventBody::CallEnded { .. }) {
                over.insert(id(call));
            }
            let mut changes = board.apply(&event(call, body), at(second));
            changes.extend(board.sweep(at(second)));
            changes.into_iter().for_each(|change| page.take(&board, change));
            prop_assert_eq!(&page, &Page::of(&board));
            for (shown_id, (shown, lines)) in &page.0 {
                prop_assert!(lines.len() <= LINES_MAX);
                prop_assert!(!over.contains(shown_id) || matches!(shown.state, State::Ended(_)));
            }
        }
        board.sweep(at(10_000));
        prop_assert!(board.all_shown().iter().all(|id| !over.contains(id)));
    }

    #[test]
    fn a_call_never_has_more_lines_than_the_bound(turns in 0_u64..500) {
        let mut board = Board::new(Duration::ZERO);
        let mut changes = board.apply(&event(1, handed_over(1, "a")), at(0));
        for turn in 0..turns {
            changes.extend(board.apply(&event(1, spoken(Channel::Caller, turn, None, "oui")), at(0)));
        }
        let (_, talk) = board.shown(id(1)).unwrap();
        prop_assert_eq!(talk.lines().count() as u64, turns.min(LINES_MAX as u64));
        let gone = changes.iter().filter(|change| matches!(change, Change::LineGone(..))).count() as u64;
        prop_assert_eq!(gone, turns.saturating_sub(LINES_MAX as u64));
    }
}

//! Random callers of every kind, in simulated time.

use proptest::prelude::*;

use super::*;

/// Anything that a caller, a source or a telephone system may do.
fn any_input() -> impl Strategy<Value = Input> {
    let intents = ["disponibilite", "commande", "facture", "panne", "humain", "inconnu"];
    let band = prop_oneof![
        Just(Band::Sure),
        Just(Band::Nearly),
        Just(Band::TwoCandidates),
        Just(Band::Lost),
        Just(Band::OutOfScope)
    ];
    let text = prop_oneof![
        Just("oui"),
        Just("non"),
        Just("la Velmoxine"),
        Just("douze trente-quatre cinquante-six"),
        Just("pardon"),
        Just("non c'est pour ma facture"),
        Just("au revoir"),
        Just("le premier"),
        Just("connard"),
        Just(""),
        Just("j'ai une panne et je veux payer"),
        Just("peut-être"),
        Just("123456"),
        Just("ni l'un ni l'autre"),
    ];
    let wishes = proptest::collection::vec((band, 0_usize..6, 0_usize..6, 0.0_f32..1.0), 0..3);
    let sentence =
        (text, wishes, proptest::bool::weighted(0.2)).prop_map(move |(text, wishes, is_foreign)| {
            let wishes = wishes.into_iter().map(|(band, first, second, probability)| {
                wish(band, &[(intents[first], probability), (intents[second], 1.0 - probability)])
            });
            let (language, certainty) = (Language::Fr, Certainty::default());
            let wishes = wishes.collect();
            Input::Sentence(Sentence { text: text.into(), language, wishes, certainty, is_foreign })
        });
    prop_oneof![
        8 => sentence,
        3 => Just(Input::Silence),
        1 => Just(Input::Noise),
        1 => Just(Input::OtherLanguage),
        4 => proptest::char::ranges(vec!['0'..='9', '*'..='*', '#'..='#', 'a'..='a'].into())
            .prop_map(|key| Input::Key(key.into())),
        2 => Just(row("Velmoxine", 1)),
        1 => Just(Input::LookedUp(Ok(None))),
        1 => Just(Input::LookedUp(Err(LookUpFailed))),
        1 => Just(Input::NotAnswered),
        1 => Just(Input::Failed),
    ]
}

/// What the caller does when only one kind of thing ever happens.
fn stubborn(kind: usize) -> Input {
    match kind {
        0 => Input::Silence,
        1 => Input::Noise,
        2 => Input::Key('5'.into()),
        3 => Input::Key('#'.into()),
        13 => Input::Key('*'.into()),
        14 => Input::Key('a'.into()),
        4 => mumbles("pardon"),
        5 => mumbles("oui"),
        6 => mumbles("non"),
        7 => says("est-ce que c'est disponible", Band::Sure, &[("disponibilite", 0.9)]),
        8 => says("un montant", Band::Nearly, &[("facture", 0.6)]),
        9 => says("je ne sais pas", Band::TwoCandidates, &[("facture", 0.4), ("panne", 0.4)]),
        10 => says("ma commande", Band::Sure, &[("commande", 0.9)]),
        11 => says("quel temps fait-il", Band::OutOfScope, &[("facture", 0.4)]),
        _ => mumbles("connard"),
    }
}

/// Takes part in a call until it is over; the number of inputs that it took.
fn take_part(call: &mut Call, mut next: impl FnMut() -> Input) -> usize {
    // 20 keys may be pressed for one value without a turn of the dialogue.
    const INPUTS_MAX: usize = 10 * 24;
    for count in 0..INPUTS_MAX {
        if call.dialog.is_over() {
            return count;
        }
        // A look-up is always answered: its source has a time-out.
        let input = next();
        let turn = call.step(input);
        check_turn(call, &turn);
    }
    assert!(call.dialog.is_over(), "the call has no end: {}", call.dialog.state_name());
    INPUTS_MAX
}

fn check_turn(call: &Call, turn: &Turn) {
    if turn.rule == Rule::Ignored || turn.rule == Rule::HungUp {
        assert!(turn.actions.is_empty(), "{turn:?}");
        return;
    }
    let (last, before) = turn.actions.split_last().expect("something follows");
    assert!(before.iter().all(|action| matches!(action, Action::Say(_))), "{turn:?}");
    match last {
        Action::Say(_) => panic!("the call is left hanging: {turn:?}"),
        Action::Transfer(transfer) => {
            let route = &call.dialog.plan.routes[&transfer.route];
            assert!(route.hours.is_open(call.now), "{} is closed", transfer.route);
            assert!(call.dialog.is_over());
        }
        Action::HangUp => {
            assert!(call.dialog.is_over());
            assert!(!before.is_empty(), "nobody hangs up without a word");
        }
        Action::Listen(_) | Action::LookUp(_) => assert!(!call.dialog.is_over()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn every_call_comes_to_an_end(inputs in proptest::collection::vec(any_input(), 1..40), hour in 0_i8..24) {
        let mut call = Call::begin_at(plan(), date(2026, 11, 26).at(hour, 0, 0, 0));
        // The caller's telephone notices silence whatever else happens.
        let mut next = inputs.iter().cloned().chain([Input::Silence]).collect::<Vec<_>>().into_iter().cycle();
        take_part(&mut call, || next.next().unwrap_or(Input::Silence));
        let over = call.step(Input::Silence);
        prop_assert!(over.actions.is_empty(), "nothing is said after the end");
    }

    #[test]
    fn whoever_changes_between_two_ways_comes_to_an_end(first in 0_usize..15, second in 0_usize..15, after in 1_usize..6) {
        let mut call = Call::begin(plan());
        let mut count = 0;
        take_part(&mut call, || {
            count += 1;
            if call_is_waiting(count, after) { stubborn(second) } else { stubborn(first) }
        });
    }
}

fn call_is_waiting(count: usize, after: usize) -> bool {
    count / after % 2 == 1
}

#[test]
fn a_caller_who_only_ever_does_one_thing_comes_to_an_end() {
    for kind in 0..15 {
        let mut call = Call::begin(plan());
        let mut waiting = false;
        take_part(&mut call, || {
            waiting = !waiting;
            // Look-ups are answered in between; elsewhere the answer of a source is ignored.
            if waiting { stubborn(kind) } else { Input::LookedUp(Ok(None)) }
        });
    }
}

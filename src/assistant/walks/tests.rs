//! That time goes on, and that a promise which is not kept is seen.

use super::*;
use crate::call::IntentScore;
use crate::dialog::{Certainty, Sentence, Transfer, Wish};
use crate::intent::{Band, Ranking};

const SCENARIO: &str = "name = \"essai\"\nlanguages = [\"fr\"]\ndefault_language = \"fr\"\n\
    [greeting]\nfr = \"Bonjour\"\n\
    [hours]\ntimezone = \"Europe/Paris\"\nmonday = [\"08:00-12:00\"]\n\
    [[routes]]\nid = \"compta\"\nqueue = \"1\"\nlabel = { fr = \"Comptabilité\" }\n\
    [intents]\nfacture = \"compta\"\ncolis = \"compta\"\n";
const SENTENCES: &str = "text,intent,lang\nje veux payer ma facture,facture,fr\noù est mon colis,colis,fr\n";

fn scenario() -> Scenario {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("scenario.toml"), SCENARIO).unwrap();
    for name in ["intents", "steps"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    std::fs::write(folder.path().join("intents/a.csv"), SENTENCES).unwrap();
    Scenario::load(folder.path()).expect("the scenario has no mistakes")
}

fn wish() -> Input {
    let candidates = vec![IntentScore { intent: "facture".to_owned(), probability: 0.97 }];
    let wishes = vec![Wish { ranking: Ranking { candidates, in_scope: 0.9 }, band: Band::Sure }];
    let (text, certainty) = ("je veux payer ma facture".into(), Certainty::default());
    Input::Sentence(Sentence { text, language: Language::Fr, wishes, certainty, is_foreign: false })
}

/// The Monday on which the team goes at noon, `seconds` before.
fn before_noon(seconds: i8) -> DateTime {
    date(2026, 11, 23).at(11, 59, 60 - seconds, 0)
}

#[test]
fn a_team_closes_while_a_caller_says_nothing() {
    let scenario = scenario();
    let walks = Walks::of(&scenario);
    let mut chance = Chance::new(1);
    let mut call = walks.begun(&mut chance);
    call.now = before_noon(5);
    call.goes_on(wish(), &mut chance);
    assert_eq!((call.end, call.problem), (Some(End::Route("compta".to_owned())), None));
    let mut call = walks.begun(&mut chance);
    call.now = before_noon(5);
    call.goes_on(Input::Silence, &mut chance);
    let asked = "Je ne vous ai pas entendu. Pour quelle raison appelez-vous ?";
    let waited = before_noon(5).saturating_add(scenario.plan.limits.silence);
    assert_eq!(call.now, waited.saturating_add(to_say(asked)));
    call.goes_on(wish(), &mut chance);
    assert_eq!((call.end, call.problem), (None, None), "nobody is there any more: {:?}", call.transcript);
}

#[test]
fn the_same_seed_gives_the_same_call_and_the_silent_hear_goodbye() {
    let scenario = scenario();
    let walks = Walks::of(&scenario);
    for persona in Persona::ALL {
        let walked = walks.call(persona, 9);
        assert_eq!(walked, walks.call(persona, 9));
        assert_eq!(walked.failure, None);
    }
    let silent = walks.call(Persona::Silent, 1);
    assert_eq!((silent.end, silent.turns), (Some(End::Goodbye), 3));
}

#[test]
fn calls_begin_shortly_before_somebody_goes() {
    let scenario = scenario();
    let walks = Walks::of(&scenario);
    let mut chance = Chance::new(1);
    let moments = (0..50).map(|_| walks.moment(&mut chance));
    let noon = jiff::civil::time(12, 0, 0, 0);
    let minutes_left = |at: DateTime| noon.duration_since(at.time()).as_secs() / 60;
    assert!(moments.into_iter().any(|at| at.time() < noon && minutes_left(at) <= 1));
}

#[test]
fn a_promise_that_is_not_kept_is_seen() {
    let scenario = scenario();
    let walks = Walks::of(&scenario);
    let say = || Action::Say("bonjour".into());
    let listen = || Action::Listen(Listen { wait: scenario.plan.limits.silence, expect: Expect::Wish });
    let transfer = |route: &str| {
        Action::Transfer(Box::new(Transfer {
            route: route.to_owned(),
            queue: String::new(),
            patience: None,
            intent: None,
            confidence: None,
            second_intent: None,
            words: None,
            said: Vec::new(),
            slots: BTreeMap::new(),
        }))
    };
    for (actions, expected) in [
        (vec![], "nothing follows"),
        (vec![say()], "the call is left hanging"),
        (vec![listen(), listen()], "something follows what ends a turn"),
        (vec![Action::HangUp], "hung up without a word"),
        (vec![say(), Action::HangUp], "neither over nor going on: open"),
        (vec![transfer("compta")], "transferred to `compta`, which is closed"),
        (vec![transfer("nobody")], "transferred to `nobody`, which is closed"),
    ] {
        let mut call = walks.begun(&mut Chance::new(1));
        // A Sunday.
        call.now = date(2026, 11, 22).at(10, 0, 0, 0);
        let turn = Turn { actions, rule: Rule::AskAgain };
        assert_eq!(call.broken_by(&turn).as_deref(), Some(expected));
    }
}

#[test]
fn the_same_words_in_a_row_are_counted_but_for_those_who_ask_for_them() {
    let scenario = scenario();
    let walks = Walks::of(&scenario);
    let listen = Action::Listen(Listen { wait: scenario.plan.limits.silence, expect: Expect::Wish });
    let turn = |rule| Turn { actions: vec![Action::Say("Pardon ?".into()), listen.clone()], rule };
    let allowed = in_a_row_max(scenario.plan.limits);
    assert_eq!(allowed, 6, "asks_max is 1");
    let mut call = walks.begun(&mut Chance::new(1));
    for _ in 0..3 * allowed {
        assert_eq!(call.broken_by(&turn(Rule::Repeat)), None);
    }
    for _ in 1..allowed {
        assert_eq!(call.broken_by(&turn(Rule::AskAgain)), None);
    }
    let problem = call.broken_by(&turn(Rule::AskAgain)).expect("it was said too often");
    assert_eq!(problem, "said 7 times in a row, 6 are allowed: Pardon ?");
}

//! Random callers in the dialogues of the shipped scenarios, in simulated time: whatever they do, the call ends in an answer, a
//! transfer to somebody who is there, or a goodbye.

use std::sync::LazyLock;

use jiff::ToSpan as _;
use proptest::prelude::*;

use super::*;
use crate::call::IntentScore;
use crate::dialog::{
    Cell, Certainty, Dialog, Input, LookUp, LookUpFailed, Row, Sentence, Situation, Turn, Wish,
};
use crate::intent::{Band, Ranking};
use crate::scenario::Scenario;
use crate::slots::Entry;

/// Catalogues by their names.
type Named = BTreeMap<String, Arc<Catalog>>;

/// The scenarios with the names that their callers say here.
static SCENARIOS: LazyLock<[(Scenario, Named); 2]> = LazyLock::new(|| {
    ["telecom-fr", "pharma-fr"].map(|name| {
        let scenario = Scenario::load(&folder(name)).expect("the scenario has no mistakes");
        let names = ["Velmoxine", "Parcivol", "Dorzanil", "Lille", "Rennes"];
        let entries = names.map(|name| Entry { id: name.into(), name: name.into(), aliases: Vec::new() });
        let catalog = Arc::new(Catalog::new(entries.to_vec()));
        let catalogs = scenario.plan.catalogs.keys().map(|name| (name.clone(), Arc::clone(&catalog)));
        let catalogs = catalogs.collect();
        (scenario, catalogs)
    })
});

/// What callers say in answer to a question, in all languages.
const ANSWERS: [&str; 24] = [
    "oui",
    "non",
    "non merci",
    "s'il vous plaît",
    "le deuxième",
    "ni l'un ni l'autre",
    "pardon ?",
    "au revoir",
    "bande d'incapables",
    "40 71 00 19",
    "7120458",
    "44970",
    "à Lille",
    "la Velmoxine",
    "mars de l'année dernière",
    "non, c'est le quatorze",
    "euh",
    "",
    "yes please",
    "no",
    "my last bill",
    "ja hoor",
    "nee dank u",
    "goede morgen",
];

const BANDS: [Band; 5] = [Band::Sure, Band::Nearly, Band::TwoCandidates, Band::Lost, Band::OutOfScope];

/// Something that a caller, a source or a telephone system does; the numbers choose among what the scenario has.
#[derive(Debug, Clone)]
enum Happens {
    /// An example of the scenario, understood as it should be or not.
    Example(usize, usize),
    /// One of the answers, as one of two intents.
    Answer {
        text: usize,
        language: usize,
        band: usize,
        intents: [usize; 2],
        probability: f32,
    },
    Key(char),
    Silence,
    Noise,
    OtherLanguage,
    Failed,
}

fn happens() -> impl Strategy<Value = Happens> {
    let keys = proptest::char::ranges(vec!['0'..='9', '*'..='*', '#'..='#', 'a'..='a'].into());
    let answer = (0..ANSWERS.len(), 0_usize..3, 0..BANDS.len(), any::<[usize; 2]>(), 0.0_f32..1.0);
    prop_oneof![
        6 => (any::<usize>(), 0_usize..8).prop_map(|(example, band)| Happens::Example(example, band)),
        8 => answer.prop_map(|(text, language, band, intents, probability)| {
            Happens::Answer { text, language, band, intents, probability }
        }),
        6 => keys.prop_map(Happens::Key),
        3 => Just(Happens::Silence),
        2 => Just(Happens::Noise),
        1 => Just(Happens::OtherLanguage),
        1 => Just(Happens::Failed),
    ]
}

fn input(scenario: &Scenario, what: &Happens) -> Input {
    match what {
        Happens::Example(at, band) => {
            let example = &scenario.examples[at % scenario.examples.len()];
            // Mostly it is understood.
            let band = BANDS.get(*band).copied().unwrap_or(Band::Sure);
            sentence(&example.text, example.language, (band, &[(&example.intent, 0.9)]))
        }
        Happens::Answer { text, language, band, intents, probability } => {
            let names: Vec<&String> = scenario.intents.keys().collect();
            let [first, second] = intents.map(|at| names[at % names.len()].as_str());
            let candidates = [(first, *probability), (second, 1.0 - *probability)];
            sentence(ANSWERS[*text], Language::ALL[*language], (BANDS[*band], &candidates))
        }
        Happens::Key(key) => Input::Key((*key).into()),
        Happens::Silence => Input::Silence,
        Happens::Noise => Input::Noise,
        Happens::OtherLanguage => Input::OtherLanguage,
        Happens::Failed => Input::Failed,
    }
}

fn sentence(text: &str, language: Language, (band, intents): (Band, &[(&str, f32)])) -> Input {
    let candidates =
        intents.iter().map(|&(intent, probability)| IntentScore { intent: intent.into(), probability });
    let ranking = Ranking { candidates: candidates.collect(), in_scope: 0.9 };
    let (wishes, certainty) = (vec![Wish { ranking, band }], Certainty::default());
    Input::Sentence(Sentence { text: text.into(), language, wishes, certainty, is_foreign: false })
}

/// What a source answers: nothing, no row, or one with a value of any kind in each column that an answer says.
fn found(scenario: &Scenario, wanted: &LookUp, chance: usize) -> Input {
    let answer = scenario.plan.intents[&wanted.intent].answer.as_ref().expect("it is being answered");
    let cells = [
        Cell::Whole(3),
        Cell::Text("2026-12-05".into()),
        Cell::Text("14:30".into()),
        Cell::Real(12.5),
        Cell::Null,
    ];
    let names = answer.cases.iter().flat_map(|case| case.reply.say.values().flat_map(|said| said.names()));
    let row: Row = names
        .enumerate()
        .map(|(place, name)| (name.to_owned(), cells[(place + chance) % cells.len()].clone()))
        .collect();
    Input::LookedUp(match chance % 4 {
        0 => Err(LookUpFailed),
        1 => Ok(None),
        _ => Ok(Some(row)),
    })
}

struct Walk {
    scenario: &'static Scenario,
    dialog: Dialog,
    catalogs: &'static Named,
    now: jiff::civil::DateTime,
}

impl Walk {
    fn step(&mut self, input: Input) -> Turn {
        let situation = Situation { now: self.now, catalogs: self.catalogs };
        let turn = self.dialog.step(input, &situation);
        let Some((last, before)) = turn.actions.split_last() else { return turn };
        assert!(before.iter().all(|action| matches!(action, Action::Say(_))), "{turn:?}");
        match last {
            Action::Say(_) => panic!("the call is left hanging: {turn:?}"),
            Action::Transfer(transfer) => {
                let route = &self.scenario.plan.routes[&transfer.route];
                assert!(route.hours.is_open(self.now), "{} is closed", transfer.route);
            }
            Action::HangUp => assert!(!before.is_empty(), "nobody hangs up without a word"),
            Action::Listen(_) | Action::LookUp(_) => assert!(!self.dialog.is_over()),
        }
        turn
    }

    /// One thing after the other until the call is over, look-ups answered as they come.
    fn goes(&mut self, things: &[Happens]) {
        // Keys of a value are no turns: 20 of them may stand between two.
        let inputs_max = self.scenario.plan.limits.turns_max as usize * 24;
        self.step(Input::Begin);
        let silence = [Happens::Silence];
        for (count, what) in things.iter().chain(&silence).cycle().take(inputs_max).enumerate() {
            if self.dialog.is_over() {
                return;
            }
            let mut turn = self.step(input(self.scenario, what));
            while let Some(Action::LookUp(wanted)) = turn.actions.last().cloned() {
                turn = self.step(found(self.scenario, &wanted, count));
            }
        }
        panic!("the call has no end: {}", self.dialog.state_name());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn every_call_of_a_shipped_scenario_comes_to_an_end(
        which in 0_usize..2,
        things in proptest::collection::vec(happens(), 1..30),
        hour in 0_i64..168,
    ) {
        let (scenario, catalogs) = &SCENARIOS[which];
        let now = date(2026, 11, 23).at(0, 30, 0, 0).checked_add(hour.hours()).unwrap();
        let dialog = Dialog::new(Arc::clone(&scenario.plan), None);
        let mut walk = Walk { scenario, dialog, catalogs, now };
        walk.goes(&things);
        // Teams that nobody answers hand on, but not for ever.
        for _ in 0..=scenario.plan.limits.turns_max {
            walk.step(Input::NotAnswered);
        }
        prop_assert_eq!(walk.dialog.state_name(), "ended");
    }
}

//! Scripted calls.

mod certain;
mod foreign;
mod keypad;
mod leaving;
mod overheard;
mod questions;
mod random;
mod remembering;
mod two_wishes;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::{DateTime, date};

use super::condition::Condition;
use super::hours::{Holidays, Hours, Stretch};
use super::messages::Messages;
use super::plan::{
    Answer, Case, Confirm, IntentPlan, KeypadChoice, KeypadTarget, Limits, LookUpPlan, Plan, Reply,
    RoutePlan, Said, SlotPlan, Then,
};
use super::template::Template;
use super::*;
use crate::call::{IntentScore, Language};
use crate::intent::{Band, Ranking};
use crate::slots::{Catalog, Entry, Kind, Shape, Tense};

fn said(text: &str) -> Said<String> {
    Said::from([(Language::Fr, text.to_owned())])
}

fn reply(text: &str, then: Then) -> Reply {
    Reply { say: Said::from([(Language::Fr, Template::parse(text).unwrap())]), then }
}

fn route(label: &str, hours: Hours, overflow: Option<&str>) -> RoutePlan {
    RoutePlan {
        label: said(label),
        queue: format!("q-{label}"),
        hours,
        overflow: overflow.map(str::to_owned),
        patience: Duration::from_secs(60),
        wrong_transfer_cost: 1.0,
    }
}

fn slot(name: &str, kind: Kind, confirm: Confirm) -> SlotPlan {
    SlotPlan {
        name: name.to_owned(),
        kind,
        catalog: (kind == Kind::Product).then(|| "produit".to_owned()),
        tense: Tense::Open,
        ask: said(&format!("Quel est votre {name} ?")),
        confirm,
        optional: false,
    }
}

/// Every day from 8 to 20, without holidays.
fn daytime() -> Hours {
    let stretch = Stretch { from: jiff::civil::time(8, 0, 0, 0), to: Some(jiff::civil::time(20, 0, 0, 0)) };
    Hours::Weekly {
        days: std::array::from_fn(|_| vec![stretch]),
        holidays: Holidays::None,
        closed_on: std::collections::BTreeSet::new(),
    }
}

fn plan() -> Plan {
    let availability = Answer {
        slots: vec![slot("produit", Kind::Product, Confirm::Unsure)],
        look_up: Some(LookUpPlan {
            source: "stock".into(),
            query: "select name, quantity from product where id = :produit".into(),
            columns: BTreeMap::new(),
        }),
        cases: vec![
            Case {
                when: vec![Condition::parse("quantity > 0").unwrap()],
                reply: reply("Oui, {name} est disponible : {quantity:count une boîte|boîtes}.", Then::More),
            },
            Case {
                when: Vec::new(),
                reply: reply("{name} n'est pas disponible.", Then::Route("ventes".into())),
            },
        ],
        not_found: reply("Je ne connais pas ce produit.", Then::More),
        down: reply("Le stock ne répond pas.", Then::Route("ventes".into())),
    };
    let order = Answer {
        slots: vec![slot("commande", Kind::Reference(Shape::digits(6, 6)), Confirm::Always)],
        look_up: None,
        cases: vec![Case {
            when: Vec::new(),
            reply: reply("Votre commande {commande:digits} est partie.", Then::More),
        }],
        not_found: reply("Je ne trouve pas cette commande.", Then::More),
        down: reply("Un instant.", Then::End),
    };
    let intent = |route: &str, label: &str, answer: Option<Answer>| IntentPlan {
        route: route.to_owned(),
        label: said(label),
        answer: answer.map(Arc::new),
        handover: None,
    };
    Plan {
        name: "essai".into(),
        languages: vec![Language::Fr],
        default_language: Language::Fr,
        greeting: said("Bonjour, dites-moi pourquoi vous appelez."),
        consent: None,
        intents: BTreeMap::from([
            ("disponibilite".into(), intent("ventes", "la disponibilité d'un produit", Some(availability))),
            ("commande".into(), intent("ventes", "une commande", Some(order))),
            ("facture".into(), intent("compta", "une facture", None)),
            ("panne".into(), intent("technique", "une panne", None)),
            ("humain".into(), intent("accueil", "un conseiller", None)),
        ]),
        routes: BTreeMap::from([
            ("ventes".into(), route("Ventes", daytime(), Some("accueil"))),
            ("compta".into(), route("Comptabilité", daytime(), Some("accueil"))),
            ("technique".into(), route("Technique", Hours::Always, Some("compta"))),
            ("accueil".into(), route("Accueil", daytime(), Some("ventes"))),
        ]),
        keypad: BTreeMap::from([
            (1, KeypadChoice { target: KeypadTarget::Intent("facture".into()), label: said("une facture") }),
            (2, KeypadChoice { target: KeypadTarget::Route("technique".into()), label: said("une panne") }),
        ]),
        limits: Limits { turns_max: 10, asks_max: 1, value_asks_max: 1, silence: Duration::from_secs(6) },
        human_route: "accueil".into(),
        human_intent: Some("humain".into()),
        closed: said("Nous sommes fermés."),
        messages: Messages::default(),
        sources: BTreeMap::new(),
        catalogs: BTreeMap::new(),
        customers: None,
        timezone: "Europe/Paris".into(),
    }
}

/// A plan in which `intent` is answered once `slot` is known: it is noted.
fn answered_with(intent: &str, slot: SlotPlan) -> Plan {
    let mut plan = plan();
    let answer = Answer {
        slots: vec![slot],
        look_up: None,
        cases: vec![Case { when: Vec::new(), reply: reply("C'est noté.", Then::More) }],
        not_found: reply("Je ne trouve pas.", Then::More),
        down: reply("Un instant.", Then::End),
    };
    plan.intents.get_mut(intent).unwrap().answer = Some(Arc::new(answer));
    plan
}

fn catalogs() -> BTreeMap<String, Arc<Catalog>> {
    let entry = |id: &str, name: &str| Entry { id: id.into(), name: name.into(), aliases: Vec::new() };
    let catalog = Catalog::new(vec![entry("17", "Velmoxine"), entry("18", "Dorzanil")]);
    BTreeMap::from([("produit".into(), Arc::new(catalog))])
}

fn wish(band: Band, intents: &[(&str, f32)]) -> Wish {
    let candidates =
        intents.iter().map(|&(intent, probability)| IntentScore { intent: intent.into(), probability });
    Wish { ranking: Ranking { candidates: candidates.collect(), in_scope: 0.9 }, band }
}

fn says(text: &str, band: Band, intents: &[(&str, f32)]) -> Input {
    let (language, wishes) = (Language::Fr, vec![wish(band, intents)]);
    let certainty = Certainty::default();
    Input::Sentence(Sentence { text: text.into(), language, wishes, certainty, is_foreign: false })
}

/// A sentence out of which no intent comes.
fn mumbles(text: &str) -> Input {
    says(text, Band::Lost, &[("facture", 0.3), ("panne", 0.2)])
}

/// A call with all that was said in it.
struct Call {
    dialog: Dialog,
    catalogs: BTreeMap<String, Arc<Catalog>>,
    now: DateTime,
}

impl Call {
    fn begin(plan: Plan) -> Self {
        Self::begin_at(plan, date(2026, 11, 26).at(10, 0, 0, 0))
    }

    fn begin_at(plan: Plan, now: DateTime) -> Self {
        let mut call = Self { dialog: Dialog::new(Arc::new(plan), None), catalogs: catalogs(), now };
        let turn = call.step(Input::Begin);
        assert_eq!(turn.rule, Rule::Greeting);
        call
    }

    fn step(&mut self, input: Input) -> Turn {
        self.dialog.step(input, &Situation { now: self.now, catalogs: &self.catalogs })
    }

    /// What is said on `input`, in one line, and the rule.
    fn on(&mut self, input: Input) -> (String, Rule) {
        let turn = self.step(input);
        (line(&turn), turn.rule)
    }
}

/// `text | text > how it goes on`.
fn line(turn: &Turn) -> String {
    let mut texts = Vec::new();
    let mut end = String::new();
    for action in &turn.actions {
        match action {
            Action::Say(text) => texts.push(text.reveal().clone()),
            Action::Listen(_) => end = "listen".into(),
            Action::LookUp(look_up) => {
                let values: Vec<&String> =
                    look_up.parameters.values().map(crate::redact::Redacted::reveal).collect();
                end = format!("look up {values:?}");
            }
            Action::Transfer(transfer) => end = format!("to {}", transfer.route),
            Action::HangUp => end = "hang up".into(),
        }
    }
    format!("{} > {end}", texts.join(" | "))
}

fn row(name: &str, quantity: i64) -> Input {
    Input::LookedUp(Ok(Some(Row::from([
        ("name".into(), Cell::Text(name.into())),
        ("quantity".into(), Cell::Whole(quantity)),
    ]))))
}

#[test]
fn a_sure_intent_is_acted_on() {
    let mut call = Call::begin(plan());
    let (line, rule) = call.on(says("ma facture est trop élevée", Band::Sure, &[("facture", 0.97)]));
    assert_eq!((line.as_str(), rule), ("Je vous mets en relation : Comptabilité. > to compta", Rule::Sure));
    assert!(call.dialog.is_over());
    assert_eq!(call.on(mumbles("allô ?")).1, Rule::Ignored);
}

#[test]
fn a_near_intent_is_confirmed_first() {
    let mut call = Call::begin(plan());
    let near = || says("c'est à propos d'un montant", Band::Nearly, &[("facture", 0.6), ("commande", 0.2)]);
    let (line, rule) = call.on(near());
    assert_eq!(line, "Votre appel concerne une facture, c'est bien cela ? > listen");
    assert_eq!(rule, Rule::Confirm);
    assert_eq!(call.on(mumbles("oui c'est ça")).1, Rule::Confirmed);

    let mut call = Call::begin(plan());
    call.on(near());
    assert_eq!(call.on(mumbles("non")).1, Rule::Denied);
    // What was denied is not offered again.
    let (line, _) = call.on(near());
    assert!(line.contains("une commande"), "{line}");
}

/// Most who say please ask for a person, so that the classifier takes such a yes for that.
#[test]
fn a_polite_answer_does_not_ask_for_a_person() {
    let please = |text| says(text, Band::Sure, &[("humain", 0.97), ("facture", 0.1)]);
    for (text, expected) in [
        ("Oui, s'il vous plaît.", Rule::Confirmed),
        ("Oui tout à fait, s'il vous plaît, merci beaucoup.", Rule::Confirmed),
        ("Merci, oui, c'est ça.", Rule::Confirmed),
        ("Oui, un conseiller, s'il vous plaît.", Rule::WantsHuman),
        ("Un conseiller s'il vous plaît.", Rule::WantsHuman),
        ("S'il vous plaît, un conseiller.", Rule::WantsHuman),
    ] {
        let mut call = Call::begin(plan());
        call.on(says("c'est à propos d'un montant", Band::Nearly, &[("facture", 0.6), ("commande", 0.2)]));
        assert_eq!(call.on(please(text)).1, expected, "{text}");
    }
    let mut call = Call::begin(plan());
    call.on(says("est-ce que la Velmoxine est disponible", Band::Sure, &[("disponibilite", 0.95)]));
    call.on(row("Velmoxine", 12));
    assert_eq!(call.on(please("Oui, s'il vous plaît.")).0, "Je vous écoute. > listen");
}

#[test]
fn of_two_candidates_one_is_chosen_by_words_place_or_key() {
    let two = || says("j'ai un souci", Band::TwoCandidates, &[("facture", 0.45), ("panne", 0.42)]);
    for (answer, expected) in [
        (mumbles("plutôt le deuxième"), "technique"),
        (says("une panne", Band::Nearly, &[("panne", 0.7), ("facture", 0.1)]), "technique"),
        (Input::Key('1'.into()), "compta"),
    ] {
        let mut call = Call::begin(plan());
        let (line, rule) = call.on(two());
        assert_eq!(rule, Rule::Offer);
        assert!(line.contains("une facture, ou une panne"), "{line}");
        let (line, rule) = call.on(answer);
        assert_eq!(rule, Rule::Chosen);
        assert!(line.ends_with(&format!("to {expected}")), "{line}");
    }
}

#[test]
fn the_lost_are_asked_once_then_given_keys_then_a_person() {
    let mut call = Call::begin(plan());
    assert_eq!(call.on(mumbles("euh")).1, Rule::AskAgain);
    let (line, rule) = call.on(mumbles("bof"));
    assert_eq!(rule, Rule::Keypad);
    assert!(line.contains("Pour une facture, tapez 1.") && line.contains("tapez zéro"), "{line}");
    let (line, rule) = call.on(mumbles("hein"));
    assert_eq!((line.as_str(), rule), ("Je vous mets en relation : Accueil. > to accueil", Rule::Human));
}

#[test]
fn a_key_of_the_choice_is_taken() {
    let mut call = Call::begin(plan());
    call.on(mumbles("euh"));
    call.on(mumbles("bof"));
    assert!(call.on(Input::Key('2'.into())).0.ends_with("to technique"));
}

#[test]
fn who_wants_a_person_is_asked_for_the_reason_once() {
    let human = || says("je veux parler à quelqu'un", Band::Sure, &[("humain", 0.95)]);
    let mut call = Call::begin(plan());
    assert_eq!(call.on(human()).1, Rule::WantsHuman);
    assert!(call.on(says("une panne", Band::Sure, &[("panne", 0.9)])).0.ends_with("to technique"));
    let mut call = Call::begin(plan());
    call.on(human());
    assert!(call.on(human()).0.ends_with("to accueil"));
    let mut call = Call::begin(plan());
    call.on(human());
    assert!(call.on(mumbles("peu importe")).0.ends_with("to accueil"), "no second question");
}

#[test]
fn an_answer_says_what_the_row_says() {
    let mut call = Call::begin(plan());
    let (line, rule) =
        call.on(says("est-ce que la Velmoxine est disponible", Band::Sure, &[("disponibilite", 0.95)]));
    assert_eq!(line, "Un instant, je regarde. > look up [\"17\"]");
    assert_eq!(rule, Rule::Sure);
    let (line, rule) = call.on(row("Velmoxine", 12));
    assert!(line.starts_with("Oui, Velmoxine est disponible : "), "{line}");
    assert!(line.ends_with("Puis-je faire autre chose pour vous ? > listen"), "{line}");
    assert_eq!(rule, Rule::Answered);
    let (line, _) = call.on(mumbles("non merci"));
    assert_eq!(line, "Merci de votre appel, au revoir. > hang up");
}

#[test]
fn without_a_row_or_a_source_nothing_is_invented() {
    let ask = || says("est-ce que la Velmoxine est disponible", Band::Sure, &[("disponibilite", 0.95)]);
    let mut call = Call::begin(plan());
    call.on(ask());
    let (line, rule) = call.on(Input::LookedUp(Ok(None)));
    assert!(line.starts_with("Je ne connais pas ce produit."), "{line}");
    assert_eq!(rule, Rule::NotFound);
    let mut call = Call::begin(plan());
    call.on(ask());
    let (line, rule) = call.on(Input::LookedUp(Err(LookUpFailed)));
    assert_eq!(line, "Le stock ne répond pas. | Je vous mets en relation : Ventes. > to ventes");
    assert_eq!(rule, Rule::Down);
    // A row whose value is missing gives the "not found" words, not half a sentence.
    let mut call = Call::begin(plan());
    call.on(ask());
    let row = Row::from([("name".into(), Cell::Null), ("quantity".into(), Cell::Whole(3))]);
    let (line, rule) = call.on(Input::LookedUp(Ok(Some(row))));
    assert!(line.starts_with("Je ne connais pas ce produit."), "{line}");
    assert_eq!(rule, Rule::NotFound);
}

#[test]
fn a_missing_value_is_asked_for_and_a_changed_mind_is_followed() {
    let ask =
        || says("je voudrais savoir si un produit est en stock", Band::Sure, &[("disponibilite", 0.95)]);
    let mut call = Call::begin(plan());
    assert!(call.on(ask()).0.contains("Quel est votre produit ?"));
    assert!(call.on(mumbles("la Velmoxine")).0.contains("look up [\"17\"]"));
    let mut call = Call::begin(plan());
    call.on(ask());
    assert!(
        call.on(says("en fait j'ai une panne", Band::Sure, &[("panne", 0.95)])).0.ends_with("to technique")
    );
    let mut call = Call::begin(plan());
    call.on(ask());
    assert!(call.on(mumbles("de la mayonnaise")).0.contains("Excusez-moi"));
    assert!(call.on(mumbles("du ketchup")).0.ends_with("to ventes"));
}

#[test]
fn a_number_is_keyed_in_and_read_back() {
    let mut call = Call::begin(plan());
    call.on(says("où est ma commande", Band::Sure, &[("commande", 0.95)]));
    for key in "12345".chars() {
        let turn = call.step(Input::Key(key.into()));
        assert!(matches!(turn.actions.as_slice(), [Action::Listen(_)]));
    }
    let (line, rule) = call.on(Input::Key('6'.into()));
    assert_eq!(rule, Rule::Key, "the last digit ends it: {line}");
    assert!(line.contains("C'est bien cela ?"), "{line}");
    let (line, rule) = call.on(mumbles("oui"));
    assert!(line.starts_with("Votre commande"), "{line}");
    assert_eq!(rule, Rule::Answered);
}

#[test]
fn of_two_wishes_the_second_follows_the_first() {
    let mut call = Call::begin(plan());
    let sentence = Sentence {
        text: "la Velmoxine est-elle disponible et j'ai une panne".into(),
        language: Language::Fr,
        wishes: vec![wish(Band::Sure, &[("disponibilite", 0.9)]), wish(Band::Sure, &[("panne", 0.9)])],
        certainty: Certainty::default(),
        is_foreign: false,
    };
    call.on(Input::Sentence(sentence));
    let (line, _) = call.on(row("Velmoxine", 2));
    assert!(line.contains("un autre sujet : une panne"), "{line}");
    assert!(line.ends_with("to technique"), "{line}");
}

#[test]
fn silence_noise_insults_and_other_languages_have_their_ways() {
    let mut call = Call::begin(plan());
    assert_eq!(call.on(Input::Silence).1, Rule::Silence);
    assert_eq!(call.on(Input::Silence).1, Rule::Keypad);
    let (line, rule) = call.on(Input::Silence);
    assert_eq!(rule, Rule::Silence);
    assert!(line.ends_with("hang up"), "{line}");
    let mut call = Call::begin(plan());
    assert_eq!(call.on(Input::Noise).1, Rule::Noise);
    let mut call = Call::begin(plan());
    assert!(call.on(mumbles("bande d'incapables")).0.contains("agacement"));
    assert!(call.on(mumbles("connards")).0.ends_with("to accueil"));
    let mut call = Call::begin(plan());
    assert!(call.on(Input::OtherLanguage).0.ends_with("to accueil"));
}

#[test]
fn who_says_hello_is_asked_for_his_wish_and_not_sent_away() {
    let hello = "Bonjour, je vous écoute. Que puis-je faire pour vous ?";
    let mut call = Call::begin(plan());
    assert_eq!(call.on(mumbles("Allô, bonjour ?")), (format!("{hello} > listen"), Rule::Hello));
    let (question, _) = call.on(says("un montant", Band::Nearly, &[("facture", 0.6)]));
    assert_eq!(call.on(mumbles("Allô ?")), (question, Rule::Hello), "the question that waits");
    assert_ne!(call.on(mumbles("Allô ?")).1, Rule::Hello, "the call comes to an end");
    let mut call = Call::begin(plan());
    call.on(says("un montant", Band::Nearly, &[("facture", 0.6)]));
    assert_eq!(call.on(mumbles("oui, bonjour")).1, Rule::Confirmed, "a yes stands beside it");
}

#[test]
fn what_was_said_is_said_again_on_request() {
    let mut call = Call::begin(plan());
    let (first, _) = call.on(says("un montant", Band::Nearly, &[("facture", 0.6)]));
    assert_eq!(call.on(mumbles("pardon ?")), (first.clone(), Rule::Repeat));
    assert_eq!(call.on(mumbles("vous pouvez répéter")), (first, Rule::Repeat));
}

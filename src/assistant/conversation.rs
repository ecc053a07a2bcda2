//! One conversation: what happens goes in, what is to be said and done comes out.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::Assistant;
use crate::call::decision::{
    CorrectionRecord, DecisionRecord, LookUpRecord, SlotRecord, ThresholdRecord, WishRecord,
};
use crate::call::{CallId, Language};
use crate::dialog::{
    Action, Certainty, Dialog, Input, LookUp, LookUpFailed, Row, Rule, Sentence, Situation, Transfer, Turn,
    Wish,
};
use crate::intent::{Band, Heard, Weighed};
use crate::lookup::LookedUp;
use crate::redact::Redacted;
use crate::slots::{Catalog, correct};

/// Look-ups of one turn: an answer leads to one, a second wish to another. More would be a mistake of the dialogue.
const LOOK_UPS_MAX: usize = 4;

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The call is there.
    Begin,
    /// The caller said something.
    Said {
        /// What was heard.
        heard: Heard,
        /// In which language; `None`: in that of the conversation.
        language: Option<Language>,
        /// Long enough to tell, and most likely in a language that the scenario does not speak, whatever was made of it.
        is_foreign: bool,
    },
    /// The caller speaks a language that the scenario does not.
    OtherLanguage,
    /// The caller said nothing.
    Silence,
    /// Sound without words.
    Noise,
    /// A key was pressed.
    Key(Redacted<char>),
    /// Nobody took the transferred call.
    NotAnswered,
    /// Something on this side broke: the caller goes to a person.
    Failed,
    /// The caller hung up.
    HungUp,
}

/// What follows.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What is to be said and done, in order; look-ups are done already.
    pub actions: Vec<Action>,
    /// What was decided, and why.
    pub record: DecisionRecord,
}

/// One conversation. A clone goes on from the same place, on its own.
#[derive(Clone)]
pub struct Conversation {
    assistant: Arc<Assistant>,
    dialog: Dialog,
    call: CallId,
    turns: u32,
    /// A time instead of the clock's, for rehearsals.
    fixed: Option<DateTime>,
    document: Option<Document>,
}

/// The row that the last answer was made of.
#[derive(Clone)]
struct Document {
    /// The intent that was answered.
    intent: String,
    /// What was looked up.
    parameters: BTreeMap<String, Redacted<String>>,
    row: Row,
}

impl Conversation {
    /// A conversation that has not begun, in `language` if the scenario speaks it.
    pub fn new(assistant: Arc<Assistant>, call: CallId, language: Option<Language>) -> Self {
        let dialog = Dialog::new(Arc::clone(assistant.plan()), language);
        Self { assistant, dialog, call, turns: 0, fixed: None, document: None }
    }

    /// Makes it always be `now` in the scenario's local time.
    #[must_use]
    pub fn at(mut self, now: DateTime) -> Self {
        self.fixed = Some(now);
        self
    }

    /// The language that is spoken now.
    pub fn language(&self) -> Language {
        self.dialog.language()
    }

    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        self.dialog.is_over()
    }

    /// The names one of which the caller was just asked for, as many as the recogniser is given; none where something else is
    /// waited for.
    pub fn asked_for(&self) -> Arc<[String]> {
        let Some(catalog) = self.dialog.asked_catalog() else { return Arc::new([]) };
        self.assistant.names_of(catalog)
    }

    /// The scenario at work in it.
    pub fn assistant(&self) -> &Arc<Assistant> {
        &self.assistant
    }

    /// The row that the last answer was made of, for a person who is to deal with `intent`: nothing where that is about
    /// something else.
    pub(super) fn document(&self, intent: Option<&str>) -> Option<&Row> {
        let document = self.document.as_ref()?;
        intent.is_none_or(|intent| intent == document.intent).then_some(&document.row)
    }

    /// The same for whoever is told `transfer`: nothing either where that is about another order than the answer was.
    pub(super) fn document_of(&self, transfer: &Transfer) -> Option<&Row> {
        let looked_up = &self.document.as_ref()?.parameters;
        let is_told = |(name, value): (&String, &Redacted<String>)| {
            transfer.slots.get(name).is_some_and(|slot| slot.canonical() == *value.reveal())
        };
        let is_same = transfer.intent.is_none() || looked_up.iter().all(is_told);
        self.document(transfer.intent.as_deref()).filter(|_| is_same)
    }

    /// Makes it go on from where `before`, a clone of it, was. Numbers of turns are never used twice.
    pub fn take_back(&mut self, before: &Self) {
        self.dialog = before.dialog.clone();
        self.document.clone_from(&before.document);
    }

    /// What follows from `event`. Waits for look-ups, each no longer than the time-out of its source.
    pub async fn on(&mut self, event: Event) -> Step {
        self.on_telling(event, |_| {}).await
    }

    /// As [`Conversation::on`]; `early` is told what is to be said while something is looked up, before it is. The same
    /// words are the first of the actions.
    pub async fn on_telling(&mut self, event: Event, mut early: impl FnMut(&[Action])) -> Step {
        let at = self.assistant.now();
        let now = self.fixed.unwrap_or_else(|| self.assistant.local(at));
        let catalogs = self.assistant.catalogs();
        let situation = Situation { now, catalogs: &catalogs };
        let mut record = self.record(at, &event);
        let input = self.input(event, &situation, &mut record);
        let mut turn = self.dialog.step(input, &situation);
        let rule = turn.rule;
        let mut actions = Vec::new();
        for _ in 0..LOOK_UPS_MAX {
            let Some(Action::LookUp(wanted)) = turn.actions.last().cloned() else { break };
            actions.extend(turn.actions.drain(..turn.actions.len() - 1));
            early(&actions);
            turn = self.looked_up(&wanted, &situation, &mut record).await;
        }
        actions.append(&mut turn.actions);
        let rule = if turn.rule == Rule::Ignored { rule } else { turn.rule };
        rule.name().clone_into(&mut record.rule);
        describe_outcome(&actions, &mut record);
        record.language = self.dialog.language();
        record.recording_agreed = self.dialog.recording_agreed();
        if record.recording_agreed == Some(false) {
            record.forget_words();
        }
        self.turns += 1;
        Step { actions, record }
    }

    async fn looked_up(
        &mut self,
        wanted: &LookUp,
        situation: &Situation<'_>,
        record: &mut DecisionRecord,
    ) -> Turn {
        let found = self.assistant.sources().look_up(wanted).await;
        let row = found.result.as_ref().ok().cloned().flatten();
        self.document = row.map(|row| Document {
            intent: wanted.intent.clone(),
            parameters: wanted.parameters.clone(),
            row,
        });
        record.look_ups.push(look_up_record(&wanted.source, &found));
        record.slots = wanted
            .parameters
            .iter()
            .map(|(name, value)| SlotRecord { name: name.clone(), kind: String::new(), value: value.clone() })
            .collect();
        self.dialog.step(Input::LookedUp(found.result.map_err(|_| LookUpFailed)), situation)
    }

    fn input(&self, event: Event, situation: &Situation<'_>, record: &mut DecisionRecord) -> Input {
        match event {
            Event::Begin => Input::Begin,
            Event::Said { heard, language, is_foreign } => {
                let sentence = self.understood((heard, language), situation, record);
                Input::Sentence(Sentence { is_foreign, ..sentence })
            }
            Event::OtherLanguage => Input::OtherLanguage,
            Event::Silence => Input::Silence,
            Event::Noise => Input::Noise,
            Event::Key(key) => Input::Key(key),
            Event::NotAnswered => Input::NotAnswered,
            Event::Failed => Input::Failed,
            Event::HungUp => Input::HungUp,
        }
    }

    fn understood(
        &self,
        (heard, language): (Heard, Option<Language>),
        situation: &Situation<'_>,
        record: &mut DecisionRecord,
    ) -> Sentence {
        let language = language.unwrap_or_else(|| self.dialog.language());
        let heard = with_names(heard, language, situation.catalogs);
        let classifier = self.assistant.understanding().classifier();
        let thresholds = classifier.thresholds();
        let plan = self.assistant.plan();
        let weighed = classifier.weigh(&heard, |intent| plan.wrong_transfer_cost(intent));
        record.wishes.extend(weighed.iter().map(wish_record));
        let wishes =
            weighed.into_iter().map(|wish| Wish { ranking: wish.ranking, band: wish.band }).collect();
        record.thresholds = ThresholdRecord { in_scope: thresholds.in_scope, sure: thresholds.sure };
        record.sentence = Some(heard.text.clone());
        record.corrections.clone_from(&heard.corrections);
        record.confidences.clone_from(&heard.words);
        let certainty = Certainty { words: heard.words, corrections: heard.corrections };
        Sentence { text: heard.text, language, wishes, certainty, is_foreign: false }
    }

    fn record(&self, at: Timestamp, event: &Event) -> DecisionRecord {
        let (input, alternatives) = match event {
            Event::Begin => ("begin", Vec::new()),
            Event::Said { heard, .. } => {
                let alternatives = heard.alternatives.iter().map(|one| (one.text.clone(), one.weight));
                ("sentence", alternatives.collect())
            }
            Event::OtherLanguage => ("other_language", Vec::new()),
            Event::Silence => ("silence", Vec::new()),
            Event::Noise => ("noise", Vec::new()),
            Event::Key(_) => ("key", Vec::new()),
            Event::NotAnswered => ("not_answered", Vec::new()),
            Event::Failed => ("failed", Vec::new()),
            Event::HungUp => ("hung_up", Vec::new()),
        };
        let understanding = self.assistant.understanding();
        DecisionRecord {
            call: self.call,
            number: self.turns,
            at,
            language: self.dialog.language(),
            input: input.to_owned(),
            sentence: None,
            alternatives,
            corrections: Vec::new(),
            confidences: Vec::new(),
            wishes: Vec::new(),
            thresholds: ThresholdRecord::default(),
            state: self.dialog.state_name().to_owned(),
            rule: String::new(),
            slots: Vec::new(),
            look_ups: Vec::new(),
            outcome: String::new(),
            route: None,
            intent: None,
            recording_agreed: None,
            scenario: self.assistant.plan().name.clone(),
            scenario_version: understanding.version().to_owned(),
            model: understanding.model().to_owned(),
        }
    }
}

/// The sentence with names of the catalogues put right where that is beyond doubt; what was changed is noted.
fn with_names(mut heard: Heard, language: Language, catalogs: &BTreeMap<String, Arc<Catalog>>) -> Heard {
    give_keys(&mut heard.corrections, catalogs);
    for catalog in catalogs.values() {
        let corrected = correct(heard.text.reveal(), catalog, language);
        if corrected.changes.is_empty() {
            continue;
        }
        tracing::debug!(changes = corrected.changes.len(), "names of a catalogue were put right");
        let before = corrected.changes.iter().map(|change| change.span.clone());
        let changes = before.zip(corrected.records()).collect();
        heard.put_right(corrected.text, changes);
    }
    heard
}

/// Gives what the recogniser put right the keys of its entries: it knows names and no catalogue.
fn give_keys(corrections: &mut [CorrectionRecord], catalogs: &BTreeMap<String, Arc<Catalog>>) {
    let key = |name: &str| -> Option<Redacted<String>> {
        let mut entries = catalogs.values().flat_map(|catalog| catalog.entries());
        entries.find(|entry| entry.name == name).map(|entry| entry.id.as_str().into())
    };
    for correction in corrections {
        let second = correction.runner_up.iter_mut().map(|(id, _)| id);
        for id in std::iter::once(&mut correction.id).chain(second) {
            if let Some(key) = key(id.reveal()) {
                *id = key;
            }
        }
    }
}

/// The record of a look-up for an answer.
pub(super) fn look_up_record(source: &str, found: &LookedUp) -> LookUpRecord {
    let outcome = match &found.result {
        Ok(Some(_)) => "row",
        Ok(None) => "none",
        Err(_) => "failed",
    };
    LookUpRecord {
        source: source.to_owned(),
        took: found.took,
        outcome: outcome.to_owned(),
        cached: found.cached,
        is_for_person: false,
    }
}

fn wish_record(wish: &Weighed) -> WishRecord {
    WishRecord {
        candidates: wish.ranking.candidates.clone(),
        in_scope: wish.ranking.in_scope,
        band: band_name(wish.band).to_owned(),
        wrong_transfer_cost: wish.wrong_transfer_cost,
        sure_from: Some(wish.sure_from),
    }
}

/// One word for a band, in records.
pub fn band_name(band: Band) -> &'static str {
    match band {
        Band::Sure => "sure",
        Band::Nearly => "nearly",
        Band::TwoCandidates => "two_candidates",
        Band::Lost => "lost",
        Band::OutOfScope => "out_of_scope",
    }
}

fn describe_outcome(actions: &[Action], record: &mut DecisionRecord) {
    let outcome = match actions.last() {
        Some(Action::Listen(_)) => "listen",
        Some(Action::Transfer(transfer)) => {
            record.route = Some(transfer.route.clone());
            record.intent.clone_from(&transfer.intent);
            record.slots = transfer
                .slots
                .iter()
                .map(|(name, value)| SlotRecord {
                    name: name.clone(),
                    kind: value.kind_name().to_owned(),
                    value: value.canonical().into(),
                })
                .collect();
            "transfer"
        }
        Some(Action::HangUp) => "hang_up",
        Some(Action::Say(_) | Action::LookUp(_)) | None => "nothing",
    };
    outcome.clone_into(&mut record.outcome);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::IntentScore;
    use crate::intent::{Ranking, Thresholds};
    use crate::slots::Entry;

    fn catalogs() -> BTreeMap<String, Arc<Catalog>> {
        let entries = vec![Entry::listed("17", "Velmoxine", ""), Entry::listed("18", "Dorzanil", "")];
        BTreeMap::from([("produit".to_owned(), Arc::new(Catalog::new(entries)))])
    }

    #[test]
    fn a_record_says_which_threshold_decided() {
        let candidates = vec![IntentScore { intent: "securite".to_owned(), probability: 0.93 }];
        let thresholds = Thresholds { in_scope: 0.3, likely: 0.6, sure: 0.9 };
        let wish = Weighed::of(Ranking { candidates, in_scope: 0.9 }, &thresholds, |_| 2.0);
        let record = wish_record(&wish);
        assert_eq!((record.band.as_str(), record.wrong_transfer_cost), ("nearly", 2.0));
        assert!(record.sure_from.is_some_and(|from| (from - 0.95).abs() < 1e-3), "{:?}", record.sure_from);
    }

    #[test]
    fn a_name_that_was_put_right_is_noted_and_makes_nothing_certain() {
        let heard =
            Heard::from("je cherche de la vel moxine").with_confidences(vec![0.5, 0.5, 0.5, 0.5, 0.25, 0.25]);
        let before = heard.reliability();
        let heard = with_names(heard, Language::Fr, &catalogs());
        assert_eq!(heard.text.reveal(), "je cherche de la Velmoxine");
        assert!((heard.reliability() - before).abs() < 1e-6);
        let [correction] = heard.corrections.as_slice() else { panic!("{:?}", heard.corrections) };
        assert_eq!(
            (correction.said.reveal().as_str(), correction.id.reveal().as_str()),
            ("vel moxine", "17")
        );
        assert!(correction.score > 0.7);
        let of_name = heard.words.iter().filter(|word| word.span == correction.span);
        assert_eq!(of_name.map(|word| word.confidence).collect::<Vec<_>>(), [0.25, 0.25]);
    }

    #[test]
    fn what_the_recogniser_put_right_gets_the_keys_of_the_catalogue_and_stays() {
        let correction = CorrectionRecord {
            said: "dorsa nil".into(),
            span: 3..11,
            id: "Dorzanil".into(),
            name: "Dorzanil".into(),
            score: 0.75,
            runner_up: Some(("Velmoxine".into(), 0.5)),
        };
        let heard = Heard::from("du Dorzanil et de la vel moxine").with_corrections(vec![correction.clone()]);
        let heard = with_names(heard, Language::Fr, &catalogs());
        let [first, second] = heard.corrections.as_slice() else { panic!("{:?}", heard.corrections) };
        let with_keys =
            CorrectionRecord { id: "18".into(), runner_up: Some(("17".into(), 0.5)), ..correction };
        assert_eq!(*first, with_keys);
        assert_eq!(&heard.text.reveal()[second.span.clone()], "Velmoxine");
    }
}

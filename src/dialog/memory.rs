//! What is kept for as long as a call lasts: the values that the caller gave, and what the caller said.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::{Confirm, SlotPlan};
use crate::redact::Redacted;
use crate::slots::{Kind, Value};

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    /// In the order in which they were given.
    values: Vec<Known>,
    said: Vec<Said>,
}

/// A value that was heard clearly or confirmed.
#[derive(Debug, Clone)]
struct Known {
    name: String,
    kind: Kind,
    catalog: Option<String>,
    value: Value,
    /// The caller said yes to it.
    is_confirmed: bool,
    /// It was given for a question that goes without it.
    is_optional: bool,
    /// The intents that it was given or taken for.
    used_for: BTreeSet<String>,
}

impl Known {
    fn is_of(&self, slot: &SlotPlan) -> bool {
        self.name == slot.name && self.kind == slot.kind && self.catalog == slot.catalog
    }
}

/// A value that was given before, for a slot that asks for the same.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Recalled {
    pub(super) value: Value,
    /// Whether it is taken as it is; otherwise it is read back.
    pub(super) is_settled: bool,
}

/// How well a free sentence was understood, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Understood {
    /// That a person is wanted, which says nothing about why.
    Human,
    /// About nothing that is known here.
    OutOfScope,
    /// Not well enough to ask about.
    Lost,
    /// Well enough to act, or to ask about.
    Wish,
}

#[derive(Debug, Clone)]
struct Said {
    text: Redacted<String>,
    understood: Understood,
    /// Of the intent that it most likely is.
    probability: f32,
}

impl Memory {
    /// Keeps the value of `slot`, which was given for `intent`.
    pub(super) fn keep(&mut self, slot: &SlotPlan, (value, is_confirmed): (&Value, bool), intent: &str) {
        let place = self.values.iter().position(|known| known.is_of(slot));
        let before = place.map(|place| self.values.remove(place)).filter(|known| known.value == *value);
        let was_confirmed = before.as_ref().is_some_and(|known| known.is_confirmed);
        let mut used_for = before.map(|known| known.used_for).unwrap_or_default();
        used_for.insert(intent.to_owned());
        self.values.push(Known {
            name: slot.name.clone(),
            kind: slot.kind,
            catalog: slot.catalog.clone(),
            value: value.clone(),
            is_confirmed: is_confirmed || was_confirmed,
            is_optional: slot.optional,
            used_for,
        });
    }

    /// The caller said no to the value of `slot`.
    pub(super) fn forget(&mut self, slot: &SlotPlan) {
        self.values.retain(|known| !known.is_of(slot));
    }

    /// The value of `slot` for `intent`, if it was given before. What the caller confirmed is taken as it is, once for each
    /// intent: who asks the same again may mean another order, and what was never read back may be wrong.
    pub(super) fn recall(&self, slot: &SlotPlan, intent: &str) -> Option<Recalled> {
        let known = self.values.iter().find(|known| known.is_of(slot))?;
        let (is_new, is_read_back) = (!known.used_for.contains(intent), slot.confirm != Confirm::Never);
        let is_settled = is_new && (known.is_confirmed || !is_read_back);
        (is_settled || is_read_back).then(|| Recalled { value: known.value.clone(), is_settled })
    }

    /// All values by the names of their slots; of two with one name the later one. For whoever is to deal with one intent only
    /// those that hold for others too: what a question goes without is about the sentence that it stood in.
    pub(super) fn values(&self, intent: Option<&str>) -> BTreeMap<String, Value> {
        let known = self.values.iter().filter(|known| intent.is_none() || !known.is_optional);
        known.map(|known| (known.name.clone(), known.value.clone())).collect()
    }

    /// Keeps a free sentence of the caller.
    pub(super) fn hear(&mut self, text: &Redacted<String>, (understood, probability): (Understood, f32)) {
        if !text.reveal().trim().is_empty() {
            self.said.push(Said { text: text.clone(), understood, probability });
        }
    }

    /// The free sentences of the call, in order.
    pub(super) fn said(&self) -> Vec<Redacted<String>> {
        self.said.iter().map(|one| one.text.clone()).collect()
    }

    /// The sentence that tells best why the caller calls: the last one that was understood, else the likeliest of those that
    /// were not. A request for a person counts only where nothing else was said.
    pub(super) fn words(&self) -> Option<&Redacted<String>> {
        let best = self.said.iter().map(|one| one.understood).max()?;
        let mut alike = self.said.iter().rev().filter(|one| one.understood == best);
        let told = match best {
            Understood::Wish => alike.next(),
            // Of two that are as likely, the first: the second is what followed "I did not understand".
            Understood::Human | Understood::OutOfScope | Understood::Lost => {
                alike.max_by(|left, right| left.probability.total_cmp(&right.probability))
            }
        };
        told.map(|one| &one.text)
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::Said as Texts;
    use super::*;
    use crate::slots::Tense;

    fn slot(name: &str, kind: Kind, confirm: Confirm) -> SlotPlan {
        SlotPlan {
            name: name.to_owned(),
            kind,
            catalog: None,
            tense: Tense::Open,
            ask: Texts::new(),
            confirm,
            optional: false,
        }
    }

    #[test]
    fn a_value_is_taken_as_it_is_once_for_each_intent_and_only_if_it_was_confirmed() {
        let count = slot("nombre", Kind::Number, Confirm::Unsure);
        let mut memory = Memory::default();
        assert_eq!(memory.recall(&count, "solde"), None);
        memory.keep(&count, (&Value::Number(3), false), "solde");
        let settled = |memory: &Memory, intent| memory.recall(&count, intent).map(|one| one.is_settled);
        assert_eq!(settled(&memory, "copie"), Some(false), "it was never read back");
        memory.keep(&count, (&Value::Number(3), true), "solde");
        assert_eq!(settled(&memory, "copie"), Some(true));
        assert_eq!(settled(&memory, "solde"), Some(false), "the same again may be about another");
        memory.keep(&count, (&Value::Number(4), false), "copie");
        assert_eq!(settled(&memory, "solde"), Some(false), "another value is not confirmed by the first");
        memory.forget(&count);
        assert_eq!(memory.recall(&count, "copie"), None);
    }

    #[test]
    fn a_value_is_of_the_slot_with_its_name_and_kind() {
        let mut memory = Memory::default();
        memory.keep(&slot("code", Kind::Number, Confirm::Unsure), (&Value::Number(3), true), "solde");
        assert_eq!(memory.recall(&slot("code", Kind::Postcode, Confirm::Unsure), "copie"), None);
        assert_eq!(memory.recall(&slot("nombre", Kind::Number, Confirm::Unsure), "copie"), None);
        assert_eq!(memory.values(None).len(), 1);
    }

    #[test]
    fn what_a_question_goes_without_is_not_told_about_another_one() {
        let month = SlotPlan { optional: true, ..slot("mois", Kind::Period, Confirm::Unsure) };
        let mut memory = Memory::default();
        memory.keep(&month, (&Value::Number(3), false), "copie");
        memory.keep(&slot("client", Kind::Number, Confirm::Unsure), (&Value::Number(4), false), "copie");
        let names = |intent| memory.values(intent).into_keys().collect::<Vec<_>>();
        assert_eq!(names(Some("solde")), ["client"]);
        assert_eq!(names(None), ["client", "mois"], "who asks for a person may still mean it");
    }

    #[test]
    fn what_is_never_read_back_is_asked_for_again_where_it_may_be_another() {
        let count = slot("nombre", Kind::Number, Confirm::Never);
        let mut memory = Memory::default();
        memory.keep(&count, (&Value::Number(3), false), "solde");
        assert_eq!(memory.recall(&count, "copie").map(|one| one.is_settled), Some(true));
        assert_eq!(memory.recall(&count, "solde"), None);
    }

    #[test]
    fn the_best_understood_sentence_is_told() {
        use Understood::{Human, Lost, OutOfScope, Wish};
        for (said, expected) in [
            (vec![("un conseiller", Human, 0.9)], Some("un conseiller")),
            (vec![("ma box clignote", Lost, 0.3), ("je ne sais pas", Lost, 0.2)], Some("ma box clignote")),
            (vec![("euh", Lost, 0.1), ("ma box clignote", Lost, 0.3)], Some("ma box clignote")),
            (vec![("euh", Lost, 0.2), ("bof", Lost, 0.2)], Some("euh")),
            (vec![("il pleut", OutOfScope, 0.4), ("ma box", Lost, 0.3)], Some("ma box")),
            (vec![("ma facture", Wish, 0.7), ("un conseiller", Human, 0.9)], Some("ma facture")),
            (vec![("ma facture", Wish, 0.9), ("ma box", Wish, 0.6), ("euh", Lost, 0.3)], Some("ma box")),
            (vec![(" ", Lost, 0.3)], None),
            (vec![], None),
        ] {
            let mut memory = Memory::default();
            for &(text, understood, probability) in &said {
                memory.hear(&Redacted::from(text), (understood, probability));
            }
            assert_eq!(memory.words().map(|text| text.reveal().as_str()), expected, "{said:?}");
        }
    }
}

//! What a caller says of his matter in passing, for the person who takes the call. Nobody asks for it or reads it back.

use std::collections::BTreeMap;

use super::filling::TAKEN_UNASKED;
use super::machine::{Dialog, Spoken};
use super::plan::SlotPlan;
use super::turn::Situation;
use crate::slots::{Kind, Value};

/// Less certain than this a value is left out, and the document that goes without one is shown. What competes with a doubtful
/// value is mostly no other one but a word that makes no sense there ("ma facture de marre"): of months that were heard so doubtfully
/// none was wrong, of order numbers few (BENCHMARKS.md, "Intents").
const CERTAIN_ENOUGH: f32 = 0.3;

impl Dialog {
    /// What the sentence that led to `intent`, or the yes to a question about it, says of what its team wants to know.
    pub(super) fn overheard(&self, intent: &str, situation: &Situation<'_>) -> BTreeMap<String, Value> {
        let wanted = self.plan.intents.get(intent).and_then(|plan| plan.handover.as_ref());
        let Some(wanted) = wanted else { return BTreeMap::new() };
        let spoken = self.spoken_of(intent);
        let said = |slot: &SlotPlan, spoken: &Spoken| {
            if spoken.is_answer && slot.kind == Kind::YesNo {
                return None;
            }
            let found = self.value_in(spoken.text.reveal(), slot, situation)?;
            let is_taken = found.score >= TAKEN_UNASKED && spoken.certainty.of(&found) >= CERTAIN_ENOUGH;
            is_taken.then(|| (slot.name.clone(), found.value))
        };
        wanted.slots.iter().filter_map(|slot| spoken.iter().find_map(|spoken| said(slot, spoken))).collect()
    }
}

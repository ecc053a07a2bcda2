//! `handover/*.toml`: what the person who takes a call is shown of it, without a question to the caller.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use toml::Spanned;

use super::Reader;
use super::answering::{AnswerReader, parameters, places};
use super::dialog_file::{HandoverFile, LookUpFile, SlotFile};
use super::planning::{Tongues, Writing};
use crate::dialog::plan::{CUSTOMER, Confirm, HandoverPlan, Plan, SlotPlan, SourceKind};

/// What helps against a file that is none.
const REMEDY: &str = "correct this line; docs/handover.md shows a whole file";

impl Reader<'_> {
    /// Reads the folder `handover/`, if there is one, into the intents of `plan`.
    pub(super) fn handovers(&mut self, plan: &mut Plan, tongues: &Tongues<'_>) {
        if !self.folder.join("handover").is_dir() {
            return;
        }
        let mut taken: BTreeMap<String, PathBuf> = BTreeMap::new();
        for file in self.files("handover", "toml") {
            let Some(text) = self.read(&file) else { continue };
            let Some(written) = self.written::<HandoverFile>(&file, &text, REMEDY) else { continue };
            let name = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
            let mut writing = Writing { file: &file, text: &text, mistakes: self.mistakes };
            let mut reader = AnswerReader { plan, tongues, writing: &mut writing };
            let handover = Arc::new(HandoverPlan { name, ..reader.handover(&written) });
            for intent in written.intents.get_ref() {
                if !writing.known(intent, "intent", plan.intents.keys()) {
                    continue;
                }
                if let Some(earlier) = taken.insert(intent.get_ref().clone(), file.clone()) {
                    let problem = format!("`{}` is in {} already", intent.get_ref(), earlier.display());
                    writing.at(intent, problem, "take it out of one of the two");
                }
                if let Some(found) = plan.intents.get_mut(intent.get_ref()) {
                    found.handover = Some(Arc::clone(&handover));
                }
            }
        }
    }
}

impl AnswerReader<'_, '_> {
    fn handover(&mut self, written: &HandoverFile) -> HandoverPlan {
        if written.intents.get_ref().is_empty() {
            self.writing.at(&written.intents, "it is for no intent", "name some, or remove the file");
        }
        if written.slots.is_empty() && written.lookup.is_none() {
            let remedy = "add [[slots]] or [lookup], or remove the file";
            self.writing.at(&written.intents, "nothing is found out", remedy);
        }
        let slots: Vec<SlotPlan> = written.slots.iter().filter_map(|slot| self.noted(slot)).collect();
        let mut names = self.names(&slots, &written.slots);
        names.insert(CUSTOMER.to_owned());
        let by_customer = written.lookup.as_ref().is_some_and(|look_up| self.goes_by_customer(look_up));
        if let Some(look_up) =
            written.lookup.as_ref().filter(|_| by_customer && self.plan.customers.is_none())
        {
            let problem = format!("the look-up needs `{CUSTOMER}`, and nothing says how customers are found");
            self.writing.at(&look_up.source, problem, "add [customers] to scenario.toml, or take it out");
        }
        let look_up = written.lookup.as_ref().and_then(|look_up| self.look_up(look_up, &names));
        HandoverPlan { name: String::new(), slots, look_up, by_customer }
    }

    /// A slot that is filled from what the caller says anyway.
    fn noted(&mut self, written: &SlotFile) -> Option<SlotPlan> {
        const REMEDY: &str = "take it out: what is not asked for is not read back either";
        if let Some(ask) = &written.ask {
            self.writing.at(ask, "a question that nobody asks", REMEDY);
        }
        if let Some(confirm) = &written.confirm {
            self.writing.at(confirm, "a value that nobody confirms", REMEDY);
        }
        if written.name.get_ref() == CUSTOMER {
            let problem = format!("`{CUSTOMER}` is the customer who was recognised");
            self.writing.at(&written.name, problem, "name the slot differently");
        }
        let slot = self.slot(written)?;
        Some(SlotPlan { confirm: Confirm::Never, optional: true, ..slot })
    }

    fn goes_by_customer(&self, written: &LookUpFile) -> bool {
        let source = self.plan.sources.get(written.source.get_ref());
        let in_address = source.is_some_and(|source| match &source.kind {
            SourceKind::Http { url, .. } => places(url).any(|name| name == CUSTOMER),
            SourceKind::Sqlite { .. } | SourceKind::Postgres { .. } => false,
        });
        let query = written.query.as_ref().map(Spanned::get_ref);
        in_address || query.is_some_and(|query| parameters(query).any(|name| name == CUSTOMER))
    }
}

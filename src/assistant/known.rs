//! What the person who takes a call sees beside what was said: who calls, and the document in question.

use super::conversation::look_up_record;
use super::{Assistant, Conversation};
use crate::call::decision::LookUpRecord;
use crate::dialog::plan::{CUSTOMER, CUSTOMER_ID};
use crate::dialog::{Cell, LookUp, Row, Transfer};
use crate::lookup::Parameters;
use crate::redact::Redacted;

/// Slots of these names hold the number of the customer, in scenarios of any language.
const CUSTOMER_SLOTS: [&str; 3] = ["customer", "client", "klant"];

/// See the module.
#[derive(Clone, PartialEq, Default)]
pub struct Known {
    /// The record of the customer.
    pub customer: Option<Row>,
    /// The row that the last answer was made of, or the one that the scenario has looked up for a person.
    pub document: Option<Row>,
    /// The look-ups that were made for it, for the record of the decision to hand over.
    pub look_ups: Vec<LookUpRecord>,
}

impl Conversation {
    /// What is known of a call that is handed over by `transfer` and comes from `number`. Takes as long as one time-out of
    /// the sources for each of two ways to find the customer and one for the document, at the most.
    pub async fn known(&self, transfer: &Transfer, number: Option<&Redacted<String>>) -> Known {
        let said = CUSTOMER_SLOTS.iter().find_map(|name| transfer.slots.get(*name));
        let said = said.map(|value| Redacted::new(value.canonical()));
        let (customer, mut look_ups) = self.assistant().customer(number, said.as_ref()).await;
        if let Some(row) = self.document_of(transfer) {
            return Known { customer, document: Some(row.clone()), look_ups };
        }
        let found = self.assistant().document(transfer, customer.as_ref()).await;
        let (document, look_up) = found.unzip();
        look_ups.extend(look_up);
        Known { customer, document: document.flatten(), look_ups }
    }
}

impl Assistant {
    /// The document that `transfer` is about, of `customer`: what the scenario has looked up for its intent. `None` where it
    /// has nothing looked up and where there is nothing to go by; else the row, if there is one and the source answers, with
    /// the record of the look-up.
    async fn document(
        &self,
        transfer: &Transfer,
        customer: Option<&Row>,
    ) -> Option<(Option<Row>, LookUpRecord)> {
        let intent = transfer.intent.as_ref()?;
        let handover = self.plan().intents.get(intent)?.handover.as_ref()?;
        let wanted = handover.look_up.as_ref()?;
        let said = handover.slots.iter().filter_map(|slot| {
            let value = transfer.slots.get(&slot.name)?;
            Some((slot.name.clone(), Redacted::new(value.canonical())))
        });
        let mut parameters: Parameters = said.collect();
        let id = customer.and_then(|row| row.get(CUSTOMER_ID)).map(Cell::plain);
        let id = id.filter(|id| !id.is_empty() && handover.by_customer);
        parameters.extend(id.map(|id| (CUSTOMER.to_owned(), Redacted::new(id))));
        if parameters.is_empty() {
            return None;
        }
        let look_up = LookUp {
            intent: intent.clone(),
            source: wanted.source.clone(),
            query: wanted.query.clone(),
            columns: wanted.columns.clone(),
            parameters,
        };
        let found = self.sources().look_up(&look_up).await;
        let record = LookUpRecord { is_for_person: true, ..look_up_record(&look_up.source, &found) };
        Some((found.result.ok().flatten(), record))
    }
}

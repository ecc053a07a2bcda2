//! What the person who takes a call sees beside what was said: who calls, and the document in question.

use super::{Assistant, Conversation};
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
}

impl Conversation {
    /// What is known of a call that is handed over by `transfer` and comes from `number`. Takes as long as one time-out of
    /// the sources for each of two ways to find the customer and one for the document, at the most.
    pub async fn known(&self, transfer: &Transfer, number: Option<&Redacted<String>>) -> Known {
        let said = CUSTOMER_SLOTS.iter().find_map(|name| transfer.slots.get(*name));
        let said = said.map(|value| Redacted::new(value.canonical()));
        let customer = self.assistant().customer(number, said.as_ref()).await;
        let document = match self.document_of(transfer) {
            Some(row) => Some(row.clone()),
            None => self.assistant().document(transfer, customer.as_ref()).await,
        };
        Known { customer, document }
    }
}

impl Assistant {
    /// The document that `transfer` is about, of `customer`: what the scenario has looked up for its intent. `None` where it
    /// has nothing looked up, where there is nothing to go by or no row, and when the source does not answer.
    async fn document(&self, transfer: &Transfer, customer: Option<&Row>) -> Option<Row> {
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
        self.sources().look_up(&look_up).await.result.ok().flatten()
    }
}

//! Who calls: the customer's record by the number that the call comes from, or by a customer number that was said.

use std::collections::BTreeMap;

use super::Assistant;
use super::conversation::look_up_record;
use crate::call::Language;
use crate::call::decision::LookUpRecord;
use crate::dialog::Row;
use crate::lookup::LookedUp;
use crate::redact::Redacted;
use crate::slots::{Context, Country, Kind, Value, find};

impl Assistant {
    /// The customer's record, by the customer number that was said or else by the number that the telephone system gives:
    /// who calls about another's contract says whose. `None` for a caller who is not known, where the scenario does not say how
    /// to find one, and when the source does not answer. With the look-ups that were made. Takes as long as one time-out of the
    /// source for each of the two, at the most.
    pub async fn customer(
        &self,
        number: Option<&Redacted<String>>,
        id: Option<&Redacted<String>>,
    ) -> (Option<Row>, Vec<LookUpRecord>) {
        let mut look_ups = Vec::new();
        let Some(plan) = self.plan().customers.as_ref() else { return (None, look_ups) };
        let number = number.and_then(|number| self.in_full(number.reveal()));
        for (query, parameter, value) in
            [(&plan.by_id, "customer", id.cloned()), (&plan.by_number, "number", number)]
        {
            let (Some(query), Some(value)) = (query, value) else { continue };
            let parameters = BTreeMap::from([(parameter.to_owned(), value)]);
            let began = self.clock.monotonic();
            let rows = self.sources().rows(&plan.source, query, &parameters, 1).await;
            let result = rows.map(|rows| rows.into_iter().next());
            let took = self.clock.monotonic().saturating_duration_since(began);
            let found = LookedUp { result, took, cached: false };
            look_ups.push(LookUpRecord { is_for_person: true, ..look_up_record(&plan.source, &found) });
            match found.result {
                Ok(Some(row)) => return (Some(row), look_ups),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(source = plan.source, %error, "a customer could not be looked up");
                }
            }
        }
        (None, look_ups)
    }

    /// A number in E.164 form, from what telephone systems give: `+33…`, `0033…`, `01…`, `sip:+33…@host`.
    fn in_full(&self, number: &str) -> Option<Redacted<String>> {
        let user = number.trim().trim_start_matches("sip:").trim_start_matches("tel:");
        let user = user.split(['@', ';']).next().unwrap_or_default();
        let signs = |character: &char| !matches!(character, ' ' | '.' | '-' | '(' | ')' | '/');
        let plain: String = user.chars().filter(signs).collect();
        if plain.strip_prefix('+').is_some_and(is_digits) {
            return Some(plain.into());
        }
        if !is_digits(&plain) {
            return None;
        }
        if let Some(international) = plain.strip_prefix("00") {
            return Some(format!("+{international}").into());
        }
        let home = self.plan().default_language;
        let countries: &[Country] = match home {
            Language::Fr => &[Country::France, Country::Belgium],
            Language::Nl => &[Country::Netherlands, Country::Belgium],
            Language::En => &[Country::UnitedKingdom],
        };
        let context = Context { countries, ..Context::on(self.local(self.now()).date()) };
        find(&plain, home, &context, &[Kind::Phone])
            .into_iter()
            .find_map(|found| if let Value::Phone(number) = found.value { Some(number.into()) } else { None })
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

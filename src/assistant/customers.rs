//! Who calls: the customer's record by the number that the call comes from, or by a customer number that was said.

use std::collections::BTreeMap;

use super::Assistant;
use crate::call::Language;
use crate::dialog::Row;
use crate::redact::Redacted;
use crate::slots::{Context, Country, Kind, Value, find};

impl Assistant {
    /// The customer's record, by the customer number that was said or else by the number that the telephone system gives:
    /// who calls about another's contract says whose. `None` for a caller who is not known, where the scenario does not say how to find one, and when the source does not answer.
    /// Takes as long as one time-out of the source for each of the two, at the most.
    pub async fn customer(
        &self,
        number: Option<&Redacted<String>>,
        id: Option<&Redacted<String>>,
    ) -> Option<Row> {
        let plan = self.plan().customers.as_ref()?;
        let number = number.and_then(|number| self.in_full(number.reveal()));
        for (query, parameter, value) in
            [(&plan.by_id, "customer", id.cloned()), (&plan.by_number, "number", number)]
        {
            let (Some(query), Some(value)) = (query, value) else { continue };
            let parameters = BTreeMap::from([(parameter.to_owned(), value)]);
            match self.sources().rows(&plan.source, query, &parameters, 1).await {
                Ok(rows) => {
                    if let Some(row) = rows.into_iter().next() {
                        return Some(row);
                    }
                }
                Err(error) => {
                    tracing::warn!(source = plan.source, %error, "a customer could not be looked up");
                }
            }
        }
        None
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

//! The queries of a scenario, prepared at their sources without being run: a misspelt table is found here, not by a caller.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::dialog::Plan;
use crate::dialog::plan::{Answer, CUSTOMER, CUSTOMER_ID, CatalogPlan, CustomersPlan, HandoverPlan};
use crate::lookup::{Error, Prepared, Sources};
use crate::scenario::Mistake;

const SCENARIO_FILE: &str = "scenario.toml";

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checked {
    /// Queries that were prepared.
    pub queries: usize,
    /// What is wrong with them, in the order of answers, hand-overs, customers, catalogues.
    pub mistakes: Vec<Mistake>,
}

/// Has the queries of `plan`, whose folder is `folder`, prepared at those of `sources` that are `wanted`, and compares their
/// columns with what is said of them. Services have no queries and are passed over.
pub async fn check(
    (folder, plan): (&Path, &Plan),
    sources: &Sources,
    wanted: impl Fn(&str) -> bool,
) -> Checked {
    let mut checked = Checked::default();
    for query in queries(plan).into_iter().filter(|query| wanted(query.source)) {
        let found = match sources.prepare(query.source, query.query).await {
            Ok(None) => continue,
            Ok(Some(prepared)) => query.misfit(&prepared),
            Err(error) => Some(refused(&error)),
        };
        checked.queries += 1;
        if let Some((problem, remedy)) = found {
            let text = fs::read_to_string(folder.join(&query.file)).unwrap_or_default();
            let line = line_of(&text, (query.table.as_str(), query.key));
            checked.mistakes.push(Mistake { file: query.file, line, problem, remedy });
        }
    }
    checked
}

/// A query with what is known of it.
struct Query<'p> {
    source: &'p str,
    query: &'p str,
    /// The parameters that it is given.
    parameters: BTreeSet<&'p str>,
    /// The columns that it must have.
    columns: BTreeSet<&'p str>,
    file: PathBuf,
    /// Table of the file, and key in it.
    table: String,
    key: &'static str,
}

fn queries(plan: &Plan) -> Vec<Query<'_>> {
    let mut queries = Vec::new();
    for (intent, found) in &plan.intents {
        queries.extend(found.answer.as_ref().and_then(|answer| of_answer(intent, answer)));
    }
    let handovers = plan.intents.values().filter_map(|intent| intent.handover.as_deref());
    // Many intents share one.
    let handovers: BTreeMap<&str, &HandoverPlan> =
        handovers.map(|handover| (handover.name.as_str(), handover)).collect();
    queries.extend(handovers.values().copied().filter_map(of_handover));
    let goes_by_customer = handovers.values().any(|handover| handover.by_customer);
    queries.extend(plan.customers.iter().flat_map(|customers| of_customers(customers, goes_by_customer)));
    for (name, catalog) in &plan.catalogs {
        let CatalogPlan::Query { source, query, .. } = catalog else { continue };
        queries.push(Query {
            source,
            query,
            parameters: BTreeSet::new(),
            columns: BTreeSet::from(["id", "name"]),
            file: SCENARIO_FILE.into(),
            table: format!("catalog.{name}"),
            key: "query",
        });
    }
    queries
}

fn of_handover(handover: &HandoverPlan) -> Option<Query<'_>> {
    let look_up = handover.look_up.as_ref()?;
    let slots = handover.slots.iter().map(|slot| slot.name.as_str());
    Some(Query {
        source: &look_up.source,
        query: &look_up.query,
        parameters: slots.chain([CUSTOMER]).collect(),
        // Whatever it gives is shown.
        columns: BTreeSet::new(),
        file: PathBuf::from("handover").join(format!("{}.toml", handover.name)),
        table: "lookup".to_owned(),
        key: "query",
    })
}

/// The queries by which customers are found; `goes_on` tells whether others go by the number that they give.
fn of_customers(customers: &CustomersPlan, goes_on: bool) -> impl Iterator<Item = Query<'_>> {
    let ways = [("by_number", &customers.by_number, "number"), ("by_id", &customers.by_id, "customer")];
    ways.into_iter().filter_map(move |(key, query, parameter)| {
        Some(Query {
            source: &customers.source,
            query: query.as_ref()?,
            parameters: BTreeSet::from([parameter]),
            columns: goes_on.then_some(CUSTOMER_ID).into_iter().collect(),
            file: SCENARIO_FILE.into(),
            table: "customers".to_owned(),
            key,
        })
    })
}

fn of_answer<'p>(intent: &str, answer: &'p Answer) -> Option<Query<'p>> {
    let look_up = answer.look_up.as_ref()?;
    let slots: BTreeSet<&str> = answer.slots.iter().map(|slot| slot.name.as_str()).collect();
    let conditions = answer.cases.iter().flat_map(|case| &case.when).map(|condition| condition.column());
    let places = answer.cases.iter().flat_map(|case| case.reply.say.values()).flat_map(|said| said.names());
    Some(Query {
        source: &look_up.source,
        query: &look_up.query,
        columns: conditions.chain(places).filter(|name| !slots.contains(name)).collect(),
        parameters: slots,
        file: PathBuf::from("answers").join(format!("{intent}.toml")),
        table: "lookup".to_owned(),
        key: "query",
    })
}

impl Query<'_> {
    /// What of a query that the database understands does not fit what is done with it, and the remedy.
    fn misfit(&self, prepared: &Prepared) -> Option<(String, String)> {
        if let Some(unknown) =
            prepared.parameters.iter().find(|name| !self.parameters.contains(name.as_str()))
        {
            let given: Vec<String> = self.parameters.iter().map(|name| format!(":{name}")).collect();
            let remedy = match given.as_slice() {
                [] => "take it out: this query is given nothing".to_owned(),
                given => format!("write {}", given.join(" or ")),
            };
            return Some((format!("the query needs `:{unknown}`, which it is not given"), remedy));
        }
        let has = |name: &str| prepared.columns.iter().any(|column| column == name);
        let missing: Vec<String> =
            self.columns.iter().filter(|name| !has(name)).map(|name| format!("`{name}`")).collect();
        (!missing.is_empty()).then(|| {
            let problem = format!("the query gives no column {}", missing.join(", "));
            (problem, "add it to the query, or correct the name where it is said".to_owned())
        })
    }
}

/// Why a source did not take a query, and the remedy.
fn refused(error: &Error) -> (String, String) {
    if let Error::Query { name, problem } = error {
        let problem = format!("source `{name}` does not understand the query: {problem}");
        return (problem, "correct the query, or the source".to_owned());
    }
    let text = error.to_string();
    let (problem, hint) =
        text.split_once("\nhint: ").unwrap_or((text.as_str(), "see that the source can be used"));
    (problem.to_owned(), hint.to_owned())
}

/// The line, from 1, on which `key` of `[table]` begins.
fn line_of(text: &str, (table, key): (&str, &str)) -> Option<usize> {
    let header = format!("[{table}]");
    let mut is_inside = false;
    for (index, line) in text.lines().map(str::trim).enumerate() {
        if line.starts_with('[') {
            is_inside = line.starts_with(&header);
        } else if is_inside && line.split('=').next().is_some_and(|found| found.trim() == key) {
            return Some(index + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::SystemClock;
    use crate::scenario::Scenario;

    fn shipped(name: &str) -> (PathBuf, Plan) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name);
        let scenario = Scenario::load(&folder).expect("the scenario has no mistakes");
        (folder, Plan::clone(&scenario.plan))
    }

    async fn checked(folder: &Path, plan: &Plan) -> Checked {
        let sources = Sources::open(plan, |_| None, Arc::new(SystemClock));
        check((folder, plan), &sources, |_| true).await
    }

    fn answer<'p>(plan: &'p mut Plan, intent: &str) -> &'p mut Answer {
        Arc::make_mut(
            plan.intents.get_mut(intent).and_then(|intent| intent.answer.as_mut()).expect("an answer"),
        )
    }

    #[tokio::test]
    async fn every_query_of_the_shipped_scenarios_can_run() {
        for (name, queries) in [("pharma-fr", 5), ("telecom-fr", 10)] {
            let (folder, plan) = shipped(name);
            let found = checked(&folder, &plan).await;
            assert_eq!(found.mistakes, [], "{name}");
            assert!(found.queries >= queries, "{name}: {}", found.queries);
        }
    }

    #[tokio::test]
    async fn what_a_caller_would_find_out_is_a_mistake_with_its_line() {
        let (folder, mut plan) = shipped("pharma-fr");
        let look_up = &mut answer(&mut plan, "statut_commande").look_up;
        let look_up = look_up.as_mut().expect("it looks an order up");
        look_up.query = look_up.query.replace("from orders", "from order_list");
        let price = answer(&mut plan, "prix_produit").look_up.as_mut().expect("it looks a price up");
        price.query = "select name, price_cents as amount from product where id = :produit".to_owned();
        let customers = plan.customers.as_mut().expect("it knows its customers");
        customers.by_number = Some("select id from customer where phone = :phone".to_owned());
        plan.catalogs.insert(
            "ville".to_owned(),
            CatalogPlan::Query {
                source: customers.source.clone(),
                query: "select id, city from customer".to_owned(),
                refresh: std::time::Duration::ZERO,
            },
        );
        let found: Vec<String> =
            checked(&folder, &plan).await.mistakes.iter().map(ToString::to_string).collect();
        for (place, problem) in [
            ("answers/statut_commande.toml:", "no such table: order_list"),
            ("answers/prix_produit.toml:", "no column `price`"),
            ("scenario.toml:", "needs `:phone`, which it is not given\n  remedy: write :number"),
            ("scenario.toml: ", "no column `name`"),
        ] {
            let is_it = |mistake: &&String| mistake.starts_with(place) && mistake.contains(problem);
            assert_eq!(found.iter().filter(is_it).count(), 1, "{problem}: {found:#?}");
        }
        assert_eq!(found.len(), 4);
    }

    #[tokio::test]
    async fn what_a_person_would_miss_is_a_mistake_with_its_line() {
        let (folder, mut plan) = shipped("telecom-fr");
        let handover = plan.intents["detail_facture"].handover.as_deref().cloned().expect("it ships");
        let name = format!("handover/{}.toml:", handover.name);
        let look_up = handover.look_up.clone().expect("it looks the invoice up");
        let query = look_up.query.replace("from invoice", "from invoices");
        let look_up = Some(crate::dialog::plan::LookUpPlan { query, ..look_up });
        let changed = Arc::new(HandoverPlan { look_up, ..handover });
        for intent in plan.intents.values_mut() {
            if intent.handover.as_ref().is_some_and(|found| found.name == changed.name) {
                intent.handover = Some(Arc::clone(&changed));
            }
        }
        plan.customers.as_mut().expect("it knows its customers").by_id =
            Some("select name from customer where id = :customer".to_owned());
        let found: Vec<String> =
            checked(&folder, &plan).await.mistakes.iter().map(ToString::to_string).collect();
        let [invoice, customer] = found.as_slice() else { panic!("{found:#?}") };
        assert!(invoice.starts_with(&name) && invoice.contains("no such table: invoices"), "{invoice}");
        assert!(customer.starts_with("scenario.toml:") && customer.contains("no column `id`"), "{customer}");
    }

    #[test]
    fn the_line_is_that_of_the_key_in_its_table() {
        let text = "query = 1\n[lookup] # of the stock\nsource = \"s\"\n  query = \"\"\"\nselect\n\"\"\"\n[[cases]]\nquery = 2\n";
        assert_eq!(line_of(text, ("lookup", "query")), Some(4));
        assert_eq!(line_of(text, ("customers", "query")), None);
    }
}

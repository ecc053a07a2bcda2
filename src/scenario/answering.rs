//! `answers/*.toml`: intents that are answered without a person.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use toml::Spanned;

use super::Reader;
use super::dialog_file::{AnswerFile, CaseFile, LookUpFile, ReplyFile, SaidFile, SlotFile};
use super::mistakes::Place;
use super::planning::{Tongues, Writing};
use crate::dialog::condition::Condition;
use crate::dialog::plan::{Answer, Case, Confirm, LookUpPlan, Plan, Reply, Said, SlotPlan, SourceKind, Then};
use crate::dialog::template::Template;
use crate::slots::{Kind, Letters, Shape, Tense};
use crate::text::fold;

/// How a transfer is announced in the three languages, folded.
const ANNOUNCEMENTS: [&str; 14] = [
    "je vous passe",
    "je vous mets en relation",
    "je vous mets en contact",
    "je vous transfere",
    "je transfere votre appel",
    "putting you through",
    "put you through",
    "transferring you",
    "transfer you",
    "connecting you",
    "connect you",
    "ik verbind u",
    "verbind ik u",
    "u doorverbinden",
];
/// Digits of a number whose slot does not say.
const DIGITS: (u8, u8) = (4, 16);

/// What helps against a file that is none.
const REMEDY: &str = "correct this line; docs/answers.md shows a whole file";

impl Reader<'_> {
    /// Reads the folder `answers/`, if there is one, into the intents of `plan`.
    pub(super) fn answers(&mut self, plan: &mut Plan, tongues: &Tongues<'_>) {
        if !self.folder.join("answers").is_dir() {
            return;
        }
        for file in self.files("answers", "toml") {
            let intent = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
            let Some(text) = self.read(&file) else { continue };
            if !plan.intents.contains_key(&intent) {
                let place = Place { file: &file, line: None };
                let remedy = "name the file after an intent of scenario.toml";
                self.mistakes.add(place, format!("`{intent}` is no intent"), remedy);
                continue;
            }
            let Some(written) = self.written::<AnswerFile>(&file, &text, REMEDY) else { continue };
            let mut writing = Writing { file: &file, text: &text, mistakes: self.mistakes };
            let answer = AnswerReader { plan, tongues, writing: &mut writing }.answer(&written);
            if let Some(found) = plan.intents.get_mut(&intent) {
                found.answer = Some(Arc::new(answer));
            }
        }
    }
}

/// Reads a file of `answers/` or of `handover/`.
pub(super) struct AnswerReader<'r, 'w> {
    pub plan: &'r Plan,
    pub tongues: &'r Tongues<'r>,
    pub writing: &'r mut Writing<'w>,
}

impl AnswerReader<'_, '_> {
    fn answer(&mut self, written: &AnswerFile) -> Answer {
        let slots: Vec<SlotPlan> = written.slots.iter().filter_map(|slot| self.asked(slot)).collect();
        let names = self.names(&slots, &written.slots);
        let look_up = written.lookup.as_ref().and_then(|look_up| self.look_up(look_up, &names));
        let optional: BTreeSet<&str> =
            slots.iter().filter(|slot| slot.optional).map(|slot| slot.name.as_str()).collect();
        let slot_names: BTreeSet<String> =
            names.iter().filter(|name| !optional.contains(name.as_str())).cloned().collect();
        // `None`: the columns cannot be told from the query ("select *"), so any name may be one.
        let columns = written.lookup.as_ref().map_or(Some(BTreeSet::new()), |look_up| {
            columns_of(&look_up.columns, look_up.query.as_ref().map(Spanned::get_ref).map(String::as_str))
        });
        let on_row = columns.map(|columns| columns.union(&names).cloned().collect::<BTreeSet<_>>());
        let cases = written.cases.iter().map(|case| self.case(case, on_row.as_ref())).collect();
        let empty = || Reply { say: Said::new(), then: Then::Route(self.plan.human_route.clone()) };
        let (no_row, down) = (empty(), empty());
        let mut reply = |written: Option<&ReplyFile>, default: Reply| match written {
            Some(written) => self.reply((&written.say, written.then.as_ref()), Some(&slot_names)),
            None => default,
        };
        Answer {
            slots,
            look_up,
            cases,
            not_found: reply(written.not_found.as_ref(), no_row),
            down: reply(written.down.as_ref(), down),
        }
    }

    /// The names of `slots`, which have to differ.
    pub(super) fn names(&mut self, slots: &[SlotPlan], written: &[SlotFile]) -> BTreeSet<String> {
        let names: BTreeSet<String> = slots.iter().map(|slot| slot.name.clone()).collect();
        if names.len() < slots.len()
            && let Some(slot) = written.first()
        {
            self.writing.at(&slot.name, "two slots have the same name", "name each differently");
        }
        names
    }

    /// A slot of an answer, with the question for it.
    fn asked(&mut self, written: &SlotFile) -> Option<SlotPlan> {
        let slot = self.slot(written)?;
        let Some(ask) = &written.ask else {
            let problem = format!("slot `{}` has no question", slot.name);
            self.writing.at(&written.name, problem, "add `ask = { … }`");
            return Some(slot);
        };
        Some(SlotPlan { ask: self.writing.said(ask, self.tongues), ..slot })
    }

    /// A slot without the question for it.
    pub(super) fn slot(&mut self, written: &SlotFile) -> Option<SlotPlan> {
        let name = written.name.get_ref().clone();
        if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
            let problem = format!("`{name}` cannot be the name of a slot");
            self.writing.at(&written.name, problem, "use letters, digits and _");
        }
        let kind = self.kind(written)?;
        let catalog = written.catalog.as_ref();
        if matches!(kind, Kind::Product | Kind::City) {
            match catalog {
                Some(catalog) => {
                    self.writing.known(catalog, "catalogue", self.plan.catalogs.keys());
                }
                None => self.writing.at(&written.kind, "no catalogue is named", "add `catalog = \"…\"`"),
            }
        }
        let confirm = match written.confirm.as_ref().map(|word| (word, word.get_ref().as_str())) {
            None | Some((_, "unsure")) => Confirm::Unsure,
            Some((_, "never")) => Confirm::Never,
            Some((_, "always")) => Confirm::Always,
            Some((word, other)) => {
                let problem = format!("`{other}` says not when to confirm");
                self.writing.at(word, problem, "write never, unsure or always");
                Confirm::Unsure
            }
        };
        let tense = match written.tense.as_ref().map(|word| (word, word.get_ref().as_str())) {
            None => Tense::Open,
            Some((_, "past")) => Tense::Past,
            Some((_, "future")) => Tense::Future,
            Some((word, other)) => {
                self.writing.at(word, format!("`{other}` is no tense"), "write past or future");
                Tense::Open
            }
        };
        Some(SlotPlan {
            name,
            kind,
            catalog: catalog.map(|catalog| catalog.get_ref().clone()),
            tense,
            ask: Said::new(),
            confirm,
            optional: written.optional,
        })
    }

    fn kind(&mut self, written: &SlotFile) -> Option<Kind> {
        let digits =
            |value: &Option<Spanned<u8>>, default: u8| value.as_ref().map_or(default, |one| *one.get_ref());
        Some(match written.kind.get_ref().as_str() {
            "catalog" => Kind::Product,
            "date" => Kind::Date,
            "period" => Kind::Period,
            "time" => Kind::Time,
            "amount" => Kind::Amount,
            "count" => Kind::Number,
            "phone" => Kind::Phone,
            "number" => {
                let (min, max) =
                    (digits(&written.min_digits, DIGITS.0), digits(&written.max_digits, DIGITS.1));
                if min == 0 || min > max || max > 32 {
                    let problem = format!("a number of {min} to {max} digits");
                    self.writing.at(&written.kind, problem, "write min_digits and max_digits, 1 to 32");
                }
                let letters = match &written.letters {
                    Some(count) => Letters::Before(*count.get_ref()),
                    None => Letters::None,
                };
                Kind::Reference(Shape { characters_min: min, characters_max: max, letters })
            }
            "postcode" => Kind::Postcode,
            "city" => Kind::City,
            "email" => Kind::Email,
            "name" => Kind::Name,
            "yes_no" => Kind::YesNo,
            other => {
                let problem = format!("`{other}` is no kind of value");
                let remedy = "write catalog, date, period, time, amount, count, phone, number, postcode, city, email, \
                              name or yes_no";
                self.writing.at(&written.kind, problem, remedy);
                return None;
            }
        })
    }

    pub(super) fn look_up(&mut self, written: &LookUpFile, slots: &BTreeSet<String>) -> Option<LookUpPlan> {
        if !self.writing.known(&written.source, "source", self.plan.sources.keys()) {
            return None;
        }
        let source = self.plan.sources.get(written.source.get_ref())?;
        let query = match (&source.kind, &written.query) {
            (SourceKind::Http { url, .. }, _) => {
                for name in places(url).filter(|name| !slots.contains(*name)) {
                    let problem = format!("the address of the source needs `{name}`, which is no slot");
                    self.writing.at(&written.source, problem, "add a slot of that name");
                }
                String::new()
            }
            (_, Some(query)) => {
                for name in parameters(query.get_ref()).filter(|name| !slots.contains(*name)) {
                    let problem = format!("the query needs `:{name}`, which is no slot");
                    self.writing.at(query, problem, "add a slot of that name, or correct the query");
                }
                query.get_ref().clone()
            }
            (_, None) => {
                self.writing.at(&written.source, "there is no query", "add `query = \"select …\"`");
                return None;
            }
        };
        Some(LookUpPlan { source: written.source.get_ref().clone(), query, columns: written.columns.clone() })
    }

    fn case(&mut self, written: &CaseFile, names: Option<&BTreeSet<String>>) -> Case {
        let mut when = Vec::new();
        for text in &written.when {
            match Condition::parse(text.get_ref()) {
                Ok(condition) => {
                    if names.is_some_and(|names| !names.contains(condition.column())) {
                        let problem = format!("`{}` is neither a column nor a slot", condition.column());
                        self.writing.at(text, problem, "add it to the query, or correct the name");
                    }
                    when.push(condition);
                }
                Err(error) => self.writing.at(text, error.to_string(), "write for example \"quantity > 0\""),
            }
        }
        Case { when, reply: self.reply((&written.say, written.then.as_ref()), names) }
    }

    fn reply(
        &mut self,
        (say, then): (&Spanned<SaidFile>, Option<&Spanned<String>>),
        names: Option<&BTreeSet<String>>,
    ) -> Reply {
        let said = self.writing.said(say, self.tongues);
        let mut templates = Said::new();
        for (language, text) in &said {
            match Template::parse(text) {
                Ok(template) => {
                    let unknown =
                        template.names().find(|name| names.is_some_and(|names| !names.contains(*name)));
                    if let Some(name) = unknown {
                        let problem =
                            format!("`{{{name}}}` is neither a column nor a slot that is always known");
                        self.writing.at(say, problem, "add it to the query, or correct the name");
                    }
                    templates.insert(*language, template);
                }
                Err(error) => {
                    let remedy = "write {name} or {name:count one|many}, :date, :period, :time, :amount, :cents, \
                                  :digits, :phone, :postcode, :email";
                    self.writing.at(say, format!("in `{language}`: {error}"), remedy);
                }
            }
        }
        let then = match then.map(|word| (word, word.get_ref().as_str())) {
            None | Some((_, "more")) => Then::More,
            Some((_, "end")) => Then::End,
            Some((word, route)) => {
                self.writing.known(word, "route", self.plan.routes.keys());
                Then::Route(route.to_owned())
            }
        };
        if matches!(then, Then::Route(_)) {
            self.announcements(say.get_ref());
        }
        Reply { say: templates, then }
    }

    /// Warns of texts that announce a transfer: which team takes the call, if one is open, is only known after them.
    fn announcements(&mut self, said: &SaidFile) {
        for (code, text) in said {
            let folded = fold(text.get_ref());
            let Some(found) = ANNOUNCEMENTS.iter().find(|words| folded.contains(**words)) else { continue };
            let problem = format!("in `{code}`: \"{found}\" announces a team that may be closed");
            let remedy = "leave it out: `transfer` of messages.toml is said behind it, with the team that takes the call";
            self.writing.warn(text, problem, remedy);
        }
    }
}

/// Names in braces of an address.
pub(super) fn places(url: &str) -> impl Iterator<Item = &str> {
    url.split('{').skip(1).filter_map(|part| part.split_once('}').map(|(name, _)| name))
}

/// Names of parameters of a query: `:name`, but not `::type`.
pub(super) fn parameters(query: &str) -> impl Iterator<Item = &str> {
    query.match_indices(':').filter_map(move |(at, _)| {
        let before = query[..at].chars().next_back();
        let name = &query[at + 1..];
        let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
        (before != Some(':') && end > 0 && !name.starts_with(|c: char| c.is_ascii_digit()))
            .then(|| &name[..end])
    })
}

/// The columns that a look-up gives, those that are `named` or those of its query; `None` when they cannot be told from its
/// text.
pub(super) fn columns_of<T>(named: &BTreeMap<String, T>, query: Option<&str>) -> Option<BTreeSet<String>> {
    if !named.is_empty() {
        return Some(named.keys().cloned().collect());
    }
    let query = query?.replace(['\n', '\r', '\t'], " ");
    let lower = query.to_ascii_lowercase();
    let start = lower.find("select")? + "select".len();
    let end = start + lower[start..].find(" from ")?;
    let count = |sign: char| query[start..end].matches(sign).count();
    if count('(') != count(')') {
        // That was the `from` of a query inside of this one.
        return None;
    }
    let mut depth = 0_i32;
    let parts = query[start..end].split(|c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    });
    parts
        .map(|part| {
            let name =
                part.trim_end().rsplit(|c: char| c.is_whitespace() || c == '.').next()?.trim_matches('"');
            let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
            is_name.then(|| name.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_told_from_casts() {
        let query = "select a::text from t where b = :beta and c = :gamma_1";
        assert_eq!(parameters(query).collect::<Vec<_>>(), ["beta", "gamma_1"]);
    }

    #[test]
    fn columns_are_read_off_the_query() {
        let columns = |query: &str| {
            let columns = columns_of(&BTreeMap::<String, String>::new(), Some(query));
            columns.map(|columns| columns.into_iter().collect::<Vec<_>>())
        };
        assert_eq!(columns("select name, quantity from t"), Some(vec!["name".into(), "quantity".into()]));
        assert_eq!(
            columns("SELECT t.name, coalesce(a, b) as c FROM t"),
            Some(vec!["c".into(), "name".into()])
        );
        assert_eq!(columns("select * from t"), None);
        assert_eq!(columns("select name,\n  quantity\nfrom t"), columns("select name, quantity from t"));
        assert_eq!(columns("select a, (select max(b) from u) as c from t"), None);
    }
}

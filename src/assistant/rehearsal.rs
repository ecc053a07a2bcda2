//! Conversations of `tests/*.toml`, held with the scenario as it is.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Assistant, Conversation, Event};
use crate::call::CallId;
use crate::dialog::{Action, Cell, Rule, Transfer};
use crate::intent::Heard;
use crate::redact::Redacted;
use crate::scenario::rehearsals::{Rehearsed, RehearsedTurn};
use crate::slots::Value;
use crate::text::fold;

/// What came of one conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Rehearsal {
    /// The file that it is from.
    pub file: PathBuf,
    /// Its name.
    pub name: String,
    /// What was not as written; `None`: all was.
    pub failure: Option<Failure>,
    /// How often the bot asked first whether it had understood, and the caller agreed; see [`rehearse`].
    pub questions: u32,
}

/// What was not as written, with the conversation up to there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What was expected and what came instead.
    pub problem: String,
    /// `> caller` and `< answer` lines. Written by the owner of the scenario, not said by a caller.
    pub transcript: Vec<String>,
}

/// The key of a caller who means what the bot asks about: yes, or the first of two.
const AGREES: char = '1';

/// Holds the conversations of `written` one after the other. Whether a sentence is just above or just below the threshold of
/// being sure changes with every example that is written: where the bot first asks whether it understood, or which of two is
/// meant, and what is expected has not come, the caller agrees once.
pub async fn rehearse(assistant: &Arc<Assistant>, written: &[(PathBuf, Vec<Rehearsed>)]) -> Vec<Rehearsal> {
    let mut results = Vec::new();
    for (file, conversations) in written {
        for rehearsed in conversations {
            let (questions, failure) = match hold(assistant, rehearsed).await {
                Ok(questions) => (questions, None),
                Err(failure) => (0, Some(failure)),
            };
            let (file, name) = (file.clone(), rehearsed.name.clone());
            results.push(Rehearsal { file, name, failure, questions });
        }
    }
    results
}

struct Held {
    conversation: Conversation,
    transcript: Vec<String>,
    /// How it ended: `end`, `route:<id>`, or empty while it goes on.
    ended: String,
    /// The rule that decided last.
    rule: String,
    /// With what it was handed over.
    transfer: Option<Box<Transfer>>,
}

/// The conversation as it is written; the number of questions that the caller agreed to.
async fn hold(assistant: &Arc<Assistant>, rehearsed: &Rehearsed) -> Result<u32, Failure> {
    let call = CallId(uuid::Uuid::nil());
    let conversation = Conversation::new(Arc::clone(assistant), call, rehearsed.language()).at(rehearsed.at);
    let (transcript, ended, rule) = (Vec::new(), String::new(), String::new());
    let mut held = Held { conversation, transcript, ended, rule, transfer: None };
    held.on(Event::Begin).await;
    let mut questions = 0;
    for (number, turn) in rehearsed.turns.iter().enumerate() {
        if !held.ended.is_empty() {
            let problem = format!("the call has ended ({}) before the caller was done", held.ended);
            return Err(held.failed(problem));
        }
        let mut said = String::new();
        for event in events(turn, &mut held.transcript) {
            said = held.on(event).await;
        }
        let ends_here = rehearsed.ends().is_some() && number + 1 == rehearsed.turns.len();
        if held.asks_what_was_meant() && (!says(&said, turn) || ends_here) {
            questions += 1;
            held.transcript.push(format!("> key {AGREES}"));
            said = held.on(Event::Key(AGREES.into())).await;
        }
        if let Some(expected) = turn.says.as_ref().filter(|_| !says(&said, turn)) {
            return Err(held.failed(format!("the answer does not say `{expected}`")));
        }
    }
    match rehearsed.ends() {
        Some(expected) if expected != held.ended => {
            let found = if held.ended.is_empty() { "the call goes on" } else { held.ended.as_str() };
            let problem = format!("expected the end `{expected}`, found `{found}`");
            Err(held.failed(problem))
        }
        Some(_) | None => match held.told_otherwise(rehearsed).await {
            Some(problem) => Err(held.failed(problem)),
            None => Ok(questions),
        },
    }
}

/// Whether `said` contains what `turn` expects, if it expects anything.
fn says(said: &str, turn: &RehearsedTurn) -> bool {
    turn.says.as_ref().is_none_or(|expected| fold(said).contains(&fold(expected)))
}

fn events(turn: &RehearsedTurn, transcript: &mut Vec<String>) -> Vec<Event> {
    let mut events = Vec::new();
    if let Some(text) = &turn.caller {
        transcript.push(format!("> {text}"));
        events.push(Event::Said { heard: Heard::from(text.as_str()), language: None, is_foreign: false });
    }
    if let Some(keys) = &turn.keypad {
        transcript.push(format!("> keys {keys}"));
        events.extend(keys.chars().map(|key| Event::Key(key.into())));
    }
    if turn.silence {
        transcript.push("> (silence)".to_owned());
        events.push(Event::Silence);
    }
    if turn.noise {
        transcript.push("> (noise)".to_owned());
        events.push(Event::Noise);
    }
    events
}

impl Held {
    /// What is said after `event`, in one line.
    async fn on(&mut self, event: Event) -> String {
        let step = self.conversation.on(event).await;
        let mut said = Vec::new();
        for action in &step.actions {
            match action {
                Action::Say(text) => said.push(text.reveal().clone()),
                Action::Transfer(transfer) => {
                    self.ended = format!("route:{}", transfer.route);
                    self.transfer = Some(transfer.clone());
                }
                Action::HangUp => "end".clone_into(&mut self.ended),
                Action::Listen(_) | Action::LookUp(_) => {}
            }
        }
        let said = said.join(" ");
        self.transcript.push(format!("< {said} [{}]", step.record.rule));
        self.rule = step.record.rule;
        said
    }

    /// Whether the bot asks if it understood the wish, or which of two is meant.
    fn asks_what_was_meant(&self) -> bool {
        [Rule::Confirm, Rule::Offer].iter().any(|rule| rule.name() == self.rule)
    }

    /// What of the slots and the document is not as written, with which the call was handed over.
    async fn told_otherwise(&self, rehearsed: &Rehearsed) -> Option<String> {
        let transfer = self.transfer.as_deref()?;
        for (name, expected) in rehearsed.slots() {
            let found = transfer.slots.get(name).map(Value::canonical);
            if found.as_deref() != Some(expected) {
                return Some(unlike(("slot", name), expected, found));
            }
        }
        let expected = rehearsed.document()?;
        let number = rehearsed.caller_number().map(Redacted::<String>::from);
        let document = self.conversation.known(transfer, number.as_ref()).await.document;
        if expected.is_empty() && document.is_some() {
            return Some("expected no document, found one".to_owned());
        }
        expected.into_iter().find_map(|(name, expected)| {
            let found = document.as_ref().and_then(|row| row.get(name)).map(Cell::plain);
            (found.as_deref() != Some(expected)).then(|| unlike(("column", name), expected, found))
        })
    }

    fn failed(self, problem: String) -> Failure {
        Failure { problem, transcript: self.transcript }
    }
}

fn unlike((what, name): (&str, &str), expected: &str, found: Option<String>) -> String {
    let found = found.map_or_else(|| "nothing".to_owned(), |found| format!("`{found}`"));
    format!("expected `{expected}` in {what} `{name}` of the hand-over, found {found}")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::clock::SystemClock;
    use crate::pipeline::understanding::Understanding;
    use crate::scenario::rehearsals::conversations;

    const SCENARIO: &str = "name = \"essai\"\nlanguages = [\"fr\"]\ndefault_language = \"fr\"\n\
        [greeting]\nfr = \"Bonjour\"\n\
        [[routes]]\nid = \"compta\"\nqueue = \"1\"\nlabel = { fr = \"Comptabilité\" }\n\
        wrong_transfer_cost = 100.0\n\
        [[routes]]\nid = \"colis\"\nqueue = \"2\"\nlabel = { fr = \"Colis\" }\n\
        [intents]\nfacture = \"compta\"\ncolis = \"colis\"\n";
    const CONVERSATIONS: &str = "[[conversation]]\nname = \"une facture\"\nat = \"2026-11-26T10:00:00\"\n\
        turns = [{ caller = \"je veux payer ma facture\" }]\nends = \"route:compta\"\n\
        [[conversation]]\nname = \"ailleurs\"\nat = \"2026-11-26T10:00:00\"\n\
        turns = [{ caller = \"je veux payer ma facture\" }]\nends = \"route:colis\"\n";

    async fn held(folder: &Path) -> Vec<Rehearsal> {
        let understanding = Understanding::open(folder).expect("the scenario has no mistakes");
        let assistant = Assistant::new(understanding, Arc::new(SystemClock)).await;
        let written = conversations(folder).expect("they can be read");
        rehearse(&Arc::new(assistant.expect("it has no catalogues")), &written).await
    }

    /// A wrong transfer to the billing team is so dear that its sentences are always asked about.
    #[tokio::test]
    async fn a_caller_agrees_to_what_was_understood_and_to_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("scenario.toml", SCENARIO);
        let sentences = "text,intent,lang\nje veux payer ma facture,facture,fr\noù est mon colis,colis,fr\n";
        write("intents/a.csv", sentences);
        std::fs::create_dir(folder.path().join("steps")).unwrap();
        write("tests/fr.toml", CONVERSATIONS);
        let results = held(folder.path()).await;
        let [right, wrong] = results.as_slice() else { panic!("{results:?}") };
        assert_eq!((right.failure.as_ref(), right.questions), (None, 1));
        let failure = wrong.failure.as_ref().expect("agreeing leads to the billing team");
        assert!(failure.problem.contains("route:compta"), "{}", failure.problem);
    }
}

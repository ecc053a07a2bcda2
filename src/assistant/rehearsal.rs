//! Conversations of `tests/*.toml`, held with the scenario as it is.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Assistant, Conversation, Event};
use crate::call::CallId;
use crate::dialog::Action;
use crate::intent::Heard;
use crate::scenario::rehearsals::{Rehearsed, RehearsedTurn};
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
}

/// What was not as written, with the conversation up to there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What was expected and what came instead.
    pub problem: String,
    /// `> caller` and `< answer` lines. Written by the owner of the scenario, not said by a caller.
    pub transcript: Vec<String>,
}

/// Holds the conversations of `written` one after the other.
pub async fn rehearse(assistant: &Arc<Assistant>, written: &[(PathBuf, Vec<Rehearsed>)]) -> Vec<Rehearsal> {
    let mut results = Vec::new();
    for (file, conversations) in written {
        for rehearsed in conversations {
            let failure = hold(assistant, rehearsed).await.err();
            results.push(Rehearsal { file: file.clone(), name: rehearsed.name.clone(), failure });
        }
    }
    results
}

struct Held {
    conversation: Conversation,
    transcript: Vec<String>,
    /// How it ended: `end`, `route:<id>`, or empty while it goes on.
    ended: String,
}

async fn hold(assistant: &Arc<Assistant>, rehearsed: &Rehearsed) -> Result<(), Failure> {
    let call = CallId(uuid::Uuid::nil());
    let conversation = Conversation::new(Arc::clone(assistant), call, rehearsed.language()).at(rehearsed.at);
    let mut held = Held { conversation, transcript: Vec::new(), ended: String::new() };
    held.on(Event::Begin).await;
    for turn in &rehearsed.turns {
        if !held.ended.is_empty() {
            let problem = format!("the call has ended ({}) before the caller was done", held.ended);
            return Err(held.failed(problem));
        }
        let mut said = String::new();
        for event in events(turn, &mut held.transcript) {
            said = held.on(event).await;
        }
        if let Some(expected) = &turn.says
            && !fold(&said).contains(&fold(expected))
        {
            return Err(held.failed(format!("the answer does not say `{expected}`")));
        }
    }
    match &rehearsed.ends {
        Some(expected) if *expected != held.ended => {
            let found = if held.ended.is_empty() { "the call goes on" } else { held.ended.as_str() };
            let problem = format!("expected the end `{expected}`, found `{found}`");
            Err(held.failed(problem))
        }
        Some(_) | None => Ok(()),
    }
}

fn events(turn: &RehearsedTurn, transcript: &mut Vec<String>) -> Vec<Event> {
    let mut events = Vec::new();
    if let Some(text) = &turn.caller {
        transcript.push(format!("> {text}"));
        events.push(Event::Said { heard: Heard::from(text.as_str()), language: None });
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
                Action::Transfer(transfer) => self.ended = format!("route:{}", transfer.route),
                Action::HangUp => "end".clone_into(&mut self.ended),
                Action::Listen(_) | Action::LookUp(_) => {}
            }
        }
        let said = said.join(" ");
        self.transcript.push(format!("< {said} [{}]", step.record.rule));
        said
    }

    fn failed(self, problem: String) -> Failure {
        Failure { problem, transcript: self.transcript }
    }
}

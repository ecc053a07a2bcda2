//! What is said in one call, line by line, as a pure fold: partials grow, finals stay, turns that are joined make one.

use std::collections::VecDeque;

use crate::call::Channel;
use crate::call::event::EventBody;
use crate::redact::Redacted;

/// Most lines that are kept; then the oldest go. Half an hour of talk.
pub const LINES_MAX: usize = 200;
/// Longest text of a line, in bytes; the rest is left out.
const TEXT_MAX: usize = 4_000;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Talk {
    lines: VecDeque<Line>,
    next: u64,
}

/// Something that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Number within its call.
    pub id: u64,
    /// Who said it.
    pub channel: Channel,
    /// The turn it belongs to; `None` for what the bot says.
    turn: Option<u64>,
    /// What.
    pub text: Redacted<String>,
    /// Whether it stays as it is.
    pub is_final: bool,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A line came or changed.
    Put(Line),
    /// A line is gone.
    Gone(u64),
}

impl Talk {
    /// The lines, oldest first.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter()
    }

    /// Takes in one event; what changed, in order.
    pub fn apply(&mut self, body: &EventBody) -> Vec<News> {
        match body {
            EventBody::TranscriptPartial { channel, turn, stable, unstable, .. } => {
                let (stable, unstable) = (stable.reveal(), unstable.reveal());
                let space = if stable.is_empty() || unstable.is_empty() { "" } else { " " };
                let text = format!("{stable}{space}{unstable}");
                self.put(Line {
                    id: 0,
                    channel: *channel,
                    turn: Some(*turn),
                    text: text.into(),
                    is_final: false,
                })
            }
            EventBody::TranscriptFinal { channel, turn, utterance, joins, .. } => {
                let joined = *joins;
                let is_joined =
                    |line: &Line| line.is_final && line.channel == *channel && line.turn == joined;
                let mut news = if joined.is_some() { self.remove(is_joined) } else { Vec::new() };
                let text = utterance.text.clone();
                news.extend(self.put(Line {
                    id: 0,
                    channel: *channel,
                    turn: Some(*turn),
                    text,
                    is_final: true,
                }));
                news
            }
            EventBody::TurnEnded { channel, turn, .. } | EventBody::SpeechDiscarded { channel, turn } => {
                self.remove(|line| !line.is_final && line.channel == *channel && line.turn == Some(*turn))
            }
            EventBody::BotSaid { text, .. } => self.put(Line {
                id: 0,
                channel: Channel::Bot,
                turn: None,
                text: text.clone(),
                is_final: true,
            }),
            EventBody::CallStarted { .. }
            | EventBody::SpeechStarted { .. }
            | EventBody::Interrupted { .. }
            | EventBody::Dtmf { .. }
            | EventBody::PlaybackFinished { .. }
            | EventBody::TurnDecided { .. }
            | EventBody::HandedOver { .. }
            | EventBody::Gap { .. }
            | EventBody::CallEnded { .. } => Vec::new(),
        }
    }

    /// A line takes the place of the partial of its turn, else the last place.
    fn put(&mut self, mut line: Line) -> Vec<News> {
        line.text = bounded(line.text);
        let is_place = |old: &&mut Line| {
            !old.is_final && line.turn.is_some() && old.channel == line.channel && old.turn == line.turn
        };
        if let Some(place) = self.lines.iter_mut().find(is_place) {
            line.id = place.id;
            place.clone_from(&line);
            return vec![News::Put(line)];
        }
        line.id = self.next;
        self.next += 1;
        self.lines.push_back(line.clone());
        let mut news = vec![News::Put(line)];
        if self.lines.len() > LINES_MAX {
            news.extend(self.lines.pop_front().map(|oldest| News::Gone(oldest.id)));
        }
        news
    }

    fn remove(&mut self, is_gone: impl Fn(&Line) -> bool) -> Vec<News> {
        let gone = self.lines.iter().filter(|line| is_gone(line)).map(|line| News::Gone(line.id)).collect();
        self.lines.retain(|line| !is_gone(line));
        gone
    }
}

fn bounded(text: Redacted<String>) -> Redacted<String> {
    if text.reveal().len() <= TEXT_MAX {
        return text;
    }
    let mut text = text.into_inner();
    text.truncate(text.floor_char_boundary(TEXT_MAX));
    Redacted::new(text)
}

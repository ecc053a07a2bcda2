//! From a text to what is heard, in order: speech to be made, recordings, silence.
//!
//! A text is cut into sentences, and a long sentence at its commas, so that the first is heard while the next is made.
//! What is made and what is recorded meets where the words meet. How long the silence between two pieces is, the
//! punctuation between them says, or the markup. Pure.

use std::time::Duration;

use super::markup::{self, Part, Problem, Prosody, Refused, SayAs};
use super::prompts::{Heard, Prompts, is_said_sign};
use super::reading;
use crate::call::Language;
use crate::text::sentences;

/// Silence after a sentence, after a comma and its like, and between pieces of one phrase.
const SENTENCE_GAP_MS: u32 = 350;
const CLAUSE_GAP_MS: u32 = 160;
const JOINT_GAP_MS: u32 = 20;

/// Words of a sentence that is spoken as a whole. Pico makes thirty words in some 80 ms on one core.
const WHOLE_WORDS: usize = 20;
/// Words after which a longer sentence is cut at the next comma.
const CLAUSE_WORDS: usize = 8;
/// Words after which a clause without a comma is cut before a word that joins, and after which it is cut anywhere.
const JOINED_WORDS: usize = 24;
const CLAUSE_WORDS_MAX: usize = 40;

/// Signs that a speaker takes breath at inside a sentence.
const BREATH: [char; 6] = [',', ';', ':', '–', '—', ')'];

/// Words that a speaker may take breath before.
const JOINING: [&str; 33] = [
    "et", "ou", "mais", "donc", "car", "que", "qui", "pour", "afin", "sans", "avec", "dans", "lorsque",
    "and", "or", "but", "so", "that", "which", "who", "for", "with", "when", "en", "of", "maar", "want",
    "dat", "die", "om", "voor", "met", "wanneer",
];

/// One thing that is heard.
#[derive(Clone, PartialEq)]
pub enum Step {
    /// Words that an engine speaks.
    Made {
        /// The words, with the punctuation that gives their melody.
        words: String,
        /// How.
        prosody: Prosody,
    },
    /// A recording.
    Recorded {
        /// Its number among the prompts.
        number: usize,
        /// Louder or softer than speech is.
        gain_db: f32,
    },
    /// Nothing, for so long.
    Silence {
        /// In milliseconds.
        ms: u32,
    },
}

/// The steps of `text`; none when nothing in it can be said.
///
/// # Errors
/// [`Refused`] for markup that is not in the subset.
pub fn plan(text: &str, language: Language, prompts: &Prompts) -> Result<Vec<Step>, Refused> {
    let mut planner = Planner { language, prompts, steps: Vec::new(), gap: Gap::default() };
    for run in runs(markup::parse(text)?, language)? {
        match run {
            Run::Words { text, prosody } => planner.words(&text, prosody),
            Run::Pause(pause) => planner.gap.asked += pause,
        }
    }
    Ok(planner.finish())
}

/// Cuts the words that are made first at their first comma, for an engine that takes long for each word: the caller waits for
/// fewer of them.
pub fn hastened(mut steps: Vec<Step>) -> Vec<Step> {
    let Some(Step::Made { words, prosody }) = steps.first() else { return steps };
    let Some((now, later)) = first_comma(words) else { return steps };
    let made = |words: &str| Step::Made { words: words.to_owned(), prosody: *prosody };
    let cut = [made(now), Step::Silence { ms: gap_ms(now) }, made(later)];
    drop(steps.splice(..1, cut));
    steps
}

/// What lies before and behind the first comma, or its like, that more than a word follows.
fn first_comma(text: &str) -> Option<(&str, &str)> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let last = words.len().checked_sub(2)?;
    let behind = (1..=last).find(|index| words[index - 1].ends_with(BREATH))?;
    let (now, later) = text.split_at(words[behind].as_ptr() as usize - text.as_ptr() as usize);
    // An engine refuses signs without a letter or digit.
    let is_sayable = |part: &str| part.contains(char::is_alphanumeric);
    (is_sayable(now) && is_sayable(later)).then(|| (now.trim(), later))
}

enum Run {
    Words { text: String, prosody: Prosody },
    Pause(Duration),
}

/// Signs are read out, and neighbours that are said alike become one text: a number in a `say-as` belongs to its sentence.
fn runs(parts: Vec<Part>, language: Language) -> Result<Vec<Run>, Refused> {
    let mut runs: Vec<Run> = Vec::new();
    for part in parts {
        let (text, prosody) = match part {
            Part::Pause(pause) => {
                runs.push(Run::Pause(pause));
                continue;
            }
            Part::Words { text, prosody } => (text, prosody),
            Part::Signs { text, say_as, prosody, place } => {
                let words = reading::words(&text, say_as, language).ok_or(Refused {
                    place,
                    problem: Problem::SayAs { expected: reading::expected(say_as) },
                })?;
                (words, prosody)
            }
        };
        match runs.last_mut() {
            Some(Run::Words { text: before, prosody: same }) if *same == prosody => before.push_str(&text),
            _ => runs.push(Run::Words { text, prosody }),
        }
    }
    Ok(runs)
}

/// What lies between the last piece and the next.
#[derive(Default)]
struct Gap {
    punctuation_ms: u32,
    asked: Duration,
}

impl Gap {
    fn hear(&mut self, punctuation: &str) {
        self.punctuation_ms = self.punctuation_ms.max(gap_ms(punctuation));
    }

    /// What the markup asks for goes before what the punctuation would give.
    fn take(&mut self, is_first: bool) -> u32 {
        let Self { punctuation_ms, asked } = std::mem::take(self);
        match u32::try_from(asked.as_millis()).unwrap_or(u32::MAX) {
            0 if is_first => 0,
            0 => punctuation_ms.max(JOINT_GAP_MS),
            asked_ms => asked_ms,
        }
    }
}

fn gap_ms(punctuation: &str) -> u32 {
    let of = |sign: char| match sign {
        '.' | '?' | '!' | '…' | '\n' => SENTENCE_GAP_MS,
        ',' | ';' | ':' | '–' | '—' | '(' | ')' | '«' | '»' => CLAUSE_GAP_MS,
        _ => 0,
    };
    punctuation.chars().map(of).max().unwrap_or(0)
}

struct Planner<'p> {
    language: Language,
    prompts: &'p Prompts,
    steps: Vec<Step>,
    gap: Gap,
}

impl Planner<'_> {
    fn words(&mut self, text: &str, prosody: Prosody) {
        let heard = self.prompts.find(text, self.language);
        let mut pieces = heard.iter().peekable();
        while let Some(piece) = pieces.next() {
            match *piece {
                Heard::Recorded(number) => self.push(Step::Recorded { number, gain_db: prosody.gain_db }),
                Heard::Made(made) => self.made(made, prosody, pieces.peek().is_some()),
            }
        }
    }

    /// `goes_on` where a recording follows.
    fn made(&mut self, text: &str, prosody: Prosody, goes_on: bool) {
        let Some(start) = text.find(is_said) else {
            self.gap.hear(text);
            return;
        };
        self.gap.hear(&text[..start]);
        let clauses: Vec<&str> =
            sentences(&text[start..]).flat_map(|sentence| clauses(sentence.text)).collect();
        let count = clauses.len();
        for (index, clause) in clauses.into_iter().enumerate() {
            let behind = clause.trim_end_matches(|sign| !is_said(sign));
            let marks = &clause[behind.len()..];
            let Some(mut words) = self.sayable(clause) else {
                self.gap.hear(clause);
                continue;
            };
            let is_cut = goes_on || index + 1 < count;
            if is_cut && gap_ms(marks) == 0 {
                // The melody of a phrase that goes on.
                words.push(',');
            }
            self.push(Step::Made { words, prosody });
            self.gap.hear(marks);
        }
        // Space and line ends behind the last sentence.
        self.gap.hear(&text[text.trim_end().len()..]);
    }

    /// The clause as an engine takes it: engines refuse signs without a letter or digit, so that lone ones (`€`, where
    /// the number before it is said otherwise) get their names.
    fn sayable(&self, clause: &str) -> Option<String> {
        if clause.contains(char::is_alphanumeric) {
            return Some(clause.to_owned());
        }
        let signs: String = clause.chars().filter(|sign| is_said_sign(*sign)).collect();
        reading::words(&signs, SayAs::Characters, self.language)
    }

    fn push(&mut self, step: Step) {
        let ms = self.gap.take(self.steps.is_empty());
        if ms > 0 {
            self.steps.push(Step::Silence { ms });
        }
        self.steps.push(step);
    }

    fn finish(mut self) -> Vec<Step> {
        let is_silent = !self.steps.iter().any(|step| !matches!(step, Step::Silence { .. }));
        let asked_ms = u32::try_from(self.gap.asked.as_millis()).unwrap_or(u32::MAX);
        if asked_ms > 0 && !is_silent {
            self.steps.push(Step::Silence { ms: asked_ms });
        }
        self.steps
    }
}

/// What starts the words of a clause: letters, digits, and the signs that belong to a number (`+33`, `-3`, `€ 5`).
fn is_said(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '-' || is_said_sign(sign)
}

/// A sentence as it is spoken at once: whole when it is short, otherwise cut where a speaker takes breath.
fn clauses(sentence: &str) -> Vec<&str> {
    let mut clauses = Vec::new();
    let mut rest = sentence;
    while rest.split_whitespace().count() > WHOLE_WORDS {
        let Some(cut) = breath(rest) else { break };
        let (now, later) = rest.split_at(cut);
        clauses.push(now.trim());
        rest = later.trim_start();
    }
    clauses.push(rest);
    clauses
}

/// Where to cut a long sentence, in bytes; `None` where what is left is better spoken as a whole.
fn breath(sentence: &str) -> Option<usize> {
    let words: Vec<&str> = sentence.split_whitespace().collect();
    let place = |word: usize| words[word].as_ptr() as usize - sentence.as_ptr() as usize;
    // At least some words stay for the end: two of them alone sound like an afterthought.
    let last = words.len() - 3;
    for index in CLAUSE_WORDS..last.min(CLAUSE_WORDS_MAX) {
        let ends_clause = words[index - 1].ends_with(BREATH);
        let joins = index >= JOINED_WORDS && JOINING.contains(&words[index].to_lowercase().as_str());
        if ends_clause || joins {
            return Some(place(index));
        }
    }
    (last > CLAUSE_WORDS_MAX).then(|| place(CLAUSE_WORDS_MAX))
}

#[cfg(test)]
mod tests;

//! What callers really said, looked at again: with another scenario, or for what the scenario lacks.

use std::collections::BTreeMap;

use jiff::civil::DateTime;

use super::Assistant;
use super::conversation::band_name;
use crate::call::Language;
use crate::call::decision::{DecisionRecord, WishRecord};
use crate::dialog::Plan;
use crate::intent::{Alternative, Band, Heard, Weighed};
use crate::redact::Redacted;
use crate::text::fold;

/// [`Reading::led_to`] where the bot answers or asks.
const LED_TO_ANSWER: &str = "answer";
/// The same where nothing was acted on.
const LED_NOWHERE: &str = "-";

/// A sentence that another scenario would treat differently.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    /// What the caller said.
    pub sentence: Redacted<String>,
    /// Its wishes as they were read then, in the order of speech.
    pub then: Vec<Reading>,
    /// As they would be read now; at least one.
    pub now: Vec<Reading>,
}

/// How a wish was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reading {
    /// `sure`, `nearly`, `two_candidates`, `lost`, `out_of_scope`.
    pub band: String,
    /// The best intent; `None` out of scope.
    pub intent: Option<String>,
    /// Where the caller was, or would have been, led at that hour: the id of a route, `answer` where the bot answers, `-`
    /// where nothing was acted on. `None` for a further wish of the sentence: it waits for the first.
    pub led_to: Option<String>,
}

/// What a replay found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Replay {
    /// Sentences that were looked at.
    pub sentences: usize,
    /// Those that would be treated differently, in their order.
    pub changed: Vec<Changed>,
    /// ([`Reading::led_to`] then, now) of first wishes that lead elsewhere → how many, most first.
    pub routes: Vec<((String, String), usize)>,
}

/// Reads the sentences of `records` with `assistant`.
pub fn replay(assistant: &Assistant, records: &[DecisionRecord]) -> Replay {
    let mut replay = Replay::default();
    let mut routes: BTreeMap<(String, String), usize> = BTreeMap::new();
    for record in records {
        let Some(sentence) = record.sentence.as_ref().filter(|_| !record.wishes.is_empty()) else { continue };
        replay.sentences += 1;
        let then = read_then(record);
        let now = read(assistant, record, &heard_of(record, sentence));
        // Elsewhere the sentence was an answer to a question, which another scenario might not have asked.
        let led = (led_to_by(&then), led_to_by(&now));
        let leads_elsewhere = is_open(record) && led.0 != led.1;
        if leads_elsewhere {
            *routes.entry((led.0.to_owned(), led.1.to_owned())).or_default() += 1;
        }
        if leads_elsewhere || !then.iter().map(meant).eq(now.iter().map(meant)) {
            replay.changed.push(Changed { sentence: sentence.clone(), then, now });
        }
    }
    replay.routes = routes.into_iter().collect();
    replay.routes.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
    replay
}

/// What a wish was taken for, wherever it led.
fn meant(reading: &Reading) -> (&str, Option<&str>) {
    (&reading.band, reading.intent.as_deref())
}

/// Where a sentence with these wishes led: its first one did.
fn led_to_by(wishes: &[Reading]) -> &str {
    wishes.first().and_then(|first| first.led_to.as_deref()).unwrap_or(LED_NOWHERE)
}

fn heard_of(record: &DecisionRecord, sentence: &Redacted<String>) -> Heard {
    let alternatives = record.alternatives.iter();
    Heard {
        alternatives: alternatives
            .map(|(text, weight)| Alternative { text: text.clone(), weight: *weight })
            .collect(),
        // What was doubted then is as doubtful now.
        words: record.confidences.clone(),
        ..Heard::from(sentence.reveal().as_str())
    }
}

/// What was acted on when the sentence was said.
fn read_then(record: &DecisionRecord) -> Vec<Reading> {
    let read = |(index, wish): (usize, &WishRecord)| {
        let best = wish.candidates.first().map(|one| one.intent.clone());
        Reading {
            band: wish.band.clone(),
            intent: best.filter(|_| wish.band != "out_of_scope"),
            led_to: (index == 0).then(|| led_to_then(record, wish).to_owned()),
        }
    };
    record.wishes.iter().enumerate().map(read).collect()
}

/// Where the first wish of a sentence led when it was said.
fn led_to_then<'r>(record: &'r DecisionRecord, wish: &WishRecord) -> &'r str {
    match (&record.route, wish.band.as_str()) {
        // After a look-up for an answer the route is where that ended.
        (Some(route), "sure") if record.look_ups.iter().all(|look_up| look_up.is_for_person) => route,
        (_, "sure") => LED_TO_ANSWER,
        _ => LED_NOWHERE,
    }
}

fn read(assistant: &Assistant, record: &DecisionRecord, heard: &Heard) -> Vec<Reading> {
    let classifier = assistant.understanding().classifier();
    let plan = assistant.plan();
    let wishes = classifier.weigh(heard, |intent| plan.wrong_transfer_cost(intent));
    if wishes.is_empty() {
        let (band, led_to) = (band_name(Band::Lost).to_owned(), Some(LED_NOWHERE.to_owned()));
        return vec![Reading { band, intent: None, led_to }];
    }
    let read = |(index, wish): (usize, Weighed)| {
        let band = wish.band;
        let intent = wish.best().map(str::to_owned).filter(|_| band != Band::OutOfScope);
        let led_to = match intent.as_ref().filter(|_| band == Band::Sure) {
            Some(intent) => led_to(plan, intent, assistant.local(record.at)),
            None => LED_NOWHERE,
        };
        let led_to = (index == 0).then(|| led_to.to_owned());
        Reading { band: band_name(band).to_owned(), led_to, intent }
    };
    wishes.into_iter().enumerate().map(read).collect()
}

/// Where a caller with this intent is led at that hour.
fn led_to<'p>(plan: &'p Plan, intent: &str, at: DateTime) -> &'p str {
    let Some(found) = plan.intents.get(intent) else { return LED_NOWHERE };
    if found.answer.is_some() || plan.human_intent.as_deref() == Some(intent) {
        return LED_TO_ANSWER;
    }
    // Where nobody is there, the caller hears so.
    plan.first_open(&found.route, at).unwrap_or(LED_TO_ANSWER)
}

/// Sentences that belong together and that the scenario did not understand.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// What to do with them.
    pub kind: ProposalKind,
    /// The sentences, the most typical first.
    pub sentences: Vec<Redacted<String>>,
    /// Their language.
    pub language: Language,
}

/// What to do with sentences that were not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProposalKind {
    /// Further examples of this intent: it is the best guess for most of them.
    Examples(String),
    /// An intent of their own: no intent is the best guess for most of them.
    NewIntent,
}

/// From this likeness on, two sentences belong together (cosine of their words' weights).
const ALIKE: f32 = 0.22;
/// Fewer sentences are an accident.
const SENTENCES_MIN: usize = 3;
/// Share of a group whose best guess must be one intent for it to be the intent's.
const MOSTLY: f32 = 0.6;
/// Sentences that are compared with each other; the newest count.
const COMPARED_MAX: usize = 4_000;

/// Groups the sentences of `records` that were not acted on, the biggest group first.
pub fn mine(records: &[DecisionRecord]) -> Vec<Proposal> {
    let unclear: Vec<&DecisionRecord> = records
        .iter()
        .rev()
        .filter(|record| record.sentence.is_some() && is_unclear(record))
        .take(COMPARED_MAX)
        .collect();
    let mut proposals: Vec<Proposal> = Language::ALL
        .into_iter()
        .flat_map(|language| {
            let of: Vec<&DecisionRecord> =
                unclear.iter().copied().filter(|record| record.language == language).collect();
            groups(&of).into_iter().map(move |group| proposal(&group, language)).collect::<Vec<_>>()
        })
        .collect();
    proposals.sort_by_key(|proposal| std::cmp::Reverse(proposal.sentences.len()));
    proposals
}

/// Whether the caller was free to say anything.
fn is_open(record: &DecisionRecord) -> bool {
    matches!(record.state.as_str(), "open" | "keypad" | "more")
}

/// Rejected, lost, or asked about; a bare yes or no to a question is none of these.
fn is_unclear(record: &DecisionRecord) -> bool {
    is_open(record) && record.wishes.first().is_some_and(|wish| wish.band != "sure")
}

fn proposal(group: &[&DecisionRecord], language: Language) -> Proposal {
    let mut guesses: BTreeMap<&str, usize> = BTreeMap::new();
    for record in group {
        let wish = record.wishes.first().filter(|wish| wish.band != "out_of_scope");
        if let Some(best) = wish.and_then(|wish| wish.candidates.first()) {
            *guesses.entry(&best.intent).or_default() += 1;
        }
    }
    let best = guesses.into_iter().max_by_key(|(_, count)| *count);
    let kind = match best.filter(|(_, count)| *count as f32 >= MOSTLY * group.len() as f32) {
        Some((intent, _)) => ProposalKind::Examples(intent.to_owned()),
        None => ProposalKind::NewIntent,
    };
    let sentences = group.iter().filter_map(|record| record.sentence.clone()).collect();
    Proposal { kind, sentences, language }
}

/// Groups by average link: each sentence goes to the group that it is most like on average, if it is enough.
fn groups<'r>(records: &[&'r DecisionRecord]) -> Vec<Vec<&'r DecisionRecord>> {
    let texts: Vec<String> = records
        .iter()
        .filter_map(|record| record.sentence.as_ref().map(|text| fold(text.reveal())))
        .collect();
    let vectors = weighted(&texts);
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for at in 0..vectors.len() {
        let likeness = |group: &Vec<usize>| {
            let sum: f32 = group.iter().map(|&other| cosine(&vectors[at], &vectors[other])).sum();
            sum / group.len() as f32
        };
        let best = groups.iter().map(likeness).enumerate().max_by(|left, right| left.1.total_cmp(&right.1));
        match best.filter(|(_, likeness)| *likeness >= ALIKE) {
            Some((group, _)) => groups[group].push(at),
            None => groups.push(vec![at]),
        }
    }
    groups.retain(|group| group.len() >= SENTENCES_MIN);
    for group in &mut groups {
        let typical =
            |at: usize| -> f32 { group.iter().map(|&other| cosine(&vectors[at], &vectors[other])).sum() };
        let order: BTreeMap<usize, f32> = group.iter().map(|&at| (at, typical(at))).collect();
        group.sort_by(|left, right| order[right].total_cmp(&order[left]).then(left.cmp(right)));
    }
    groups.into_iter().map(|group| group.into_iter().map(|at| records[at]).collect()).collect()
}

/// Words of each text with their weight: rare ones weigh more, each vector has length 1.
fn weighted(texts: &[String]) -> Vec<BTreeMap<String, f32>> {
    let words = |text: &String| -> Vec<String> {
        let words = text.split(|c: char| !c.is_alphanumeric());
        // Six letters of a word stand for its forms.
        words.filter(|word| word.chars().count() > 3).map(|word| word.chars().take(6).collect()).collect()
    };
    let mut frequency: BTreeMap<String, usize> = BTreeMap::new();
    for text in texts {
        let distinct: std::collections::BTreeSet<String> = words(text).into_iter().collect();
        for word in distinct {
            *frequency.entry(word).or_default() += 1;
        }
    }
    let vector = |text: &String| {
        let mut vector: BTreeMap<String, f32> = BTreeMap::new();
        for word in words(text) {
            let rarity = ((1.0 + texts.len() as f32) / (1.0 + frequency[&word] as f32)).ln() + 1.0;
            *vector.entry(word).or_default() += rarity;
        }
        let length = vector.values().map(|weight| weight * weight).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        vector.values_mut().for_each(|weight| *weight /= length);
        vector
    };
    texts.iter().map(vector).collect()
}

fn cosine(left: &BTreeMap<String, f32>, right: &BTreeMap<String, f32>) -> f32 {
    left.iter().filter_map(|(word, weight)| Some(weight * right.get(word)?)).sum()
}

//! What is written down about a call, in the words that were said in it.
//!
//! Takes the finished transcript (and the intent, when a classifier judged one sentence) and picks: why the caller
//! called, the sentences that carry the call, what was promised or left open, and the moment when the agent summed up.
//! Nothing is phrased anew: every line is [`Evidence`], a literal part of one utterance with its time, so no line can
//! say what nobody said.
//!
//! Works on French, English and Dutch at once, sentence by sentence, because callers change language; on separate
//! channels as well as on one mixed one, where who speaks is told from what is said, less surely. Pure: no clock, no
//! model, a few milliseconds for an hour of talk.

mod key_sentences;
mod lexicon;
mod open_points;
mod purpose;
mod recap;
mod sentences;
#[cfg(test)]
mod tests;

pub use purpose::purpose;
pub use recap::{Recap, recap, recaps};

use crate::call::{Evidence, IntentDecision, IntentOutcome, Note, Transcript};

use sentences::spoken;

/// Writes the note of a call. `intent` is the decision on the sentence that carries the reason, when there is one; its
/// sentence is preferred as the reason as long as it is in this transcript.
pub fn write(transcript: &Transcript, intent: Option<&IntentDecision>) -> Note {
    let sentences = spoken(transcript);
    let judged = intent.map(|decision| &decision.evidence).filter(|evidence| is_said(transcript, evidence));
    let reason = judged.cloned().or_else(|| purpose::find(&sentences));
    let recap = recap(transcript).map(|recap| recap.evidence).unwrap_or_default();
    let open_points = open_points::find(&sentences, &recap);
    // What another line of the note says already does not carry it a second time.
    let told: Vec<&Evidence> = reason.iter().chain(&recap).chain(&open_points).collect();
    let key_sentences = key_sentences::find(&sentences, &told);
    Note { intent: intent.and_then(routed), reason, key_sentences, open_points, recap }
}

fn routed(decision: &IntentDecision) -> Option<String> {
    match &decision.outcome {
        IntentOutcome::Routed { intent, .. } => Some(intent.clone()),
        IntentOutcome::Unsure | IntentOutcome::OutOfScope => None,
    }
}

/// Whether the quote stands in the transcript, on its channel and at its time.
fn is_said(transcript: &Transcript, evidence: &Evidence) -> bool {
    let quote = evidence.quote.reveal();
    !quote.is_empty()
        && transcript.utterances.iter().any(|utterance| {
            utterance.channel == evidence.channel
                && utterance.span.start <= evidence.span.start
                && evidence.span.end <= utterance.span.end
                && utterance.text.reveal().contains(quote.as_str())
        })
}

//! Why the caller called.

use super::lexicon::{self, Role};
use super::sentences::{Spoken, spoken};
use crate::call::{Evidence, Transcript};

/// Caller sentences that are looked at: who has not said why by then is in the middle of something else. An IVR asks
/// one question; a caller who is greeted, identified and asked says it within the first ten sentences.
const SENTENCES_MAX: usize = 14;

/// What a turn of phrase such as "j'appelle pour" is worth; more than any identity or position takes away.
const PURPOSE_SCORE: f32 = 3.0;
/// "Madame Martin, numéro de client…" is not why; "je m'appelle … et j'appelle pour" is.
const IDENTITY_SCORE: f32 = -2.0;
/// A word with meaning; counted up to [`CONTENT_WORDS_MAX`], so that a long story does not beat the first clear sentence.
const CONTENT_SCORE: f32 = 0.4;
const CONTENT_WORDS_MAX: usize = 5;
/// A word of the trade: "facture", "invoice", "storing".
const WEIGHTY_SCORE: f32 = 0.5;
const QUESTION_SCORE: f32 = 0.5;
/// The first sentence that tells something: asked why they call, callers say it at once, if not always in set phrases.
const FIRST_SCORE: f32 = 1.0;
const FIRST_CONTENT_WORDS_MIN: usize = 3;
/// Each further sentence of the caller is that much less likely the first statement of the reason.
const LATER_SCORE: f32 = -0.3;
/// Below this nothing was asked for: two plain words are a remark.
const SCORE_MIN: f32 = 0.7;

/// The caller's sentence that carries the reason for the call, without the greeting in front of it; `None` when the
/// caller gives none. On a shared channel, the first sentence that sounds like it.
pub fn purpose(transcript: &Transcript) -> Option<Evidence> {
    find(&spoken(transcript))
}

pub(super) fn find(sentences: &[Spoken<'_>]) -> Option<Evidence> {
    let candidates = || sentences.iter().filter(|sentence| sentence.may_be(Role::Caller)).take(SENTENCES_MAX);
    let mut best: Option<(f32, &Spoken<'_>)> = None;
    let mut announced = false;
    let mut is_first = true;
    for (at, sentence) in candidates().enumerate() {
        let cue = lexicon::PURPOSE.find(sentence);
        let content = sentence.content().count();
        // "J'appelle parce que…" and a pause: the reason is what follows.
        if cue.is_some() && content <= 1 && !sentence.is_question() {
            announced = true;
            continue;
        }
        let mut score = score(sentence, cue.is_some() || announced) + LATER_SCORE * at as f32;
        if is_first && content >= FIRST_CONTENT_WORDS_MIN && !lexicon::IDENTITY.is_in(sentence) {
            is_first = false;
            score += FIRST_SCORE;
        }
        announced = announced && content == 0;
        if score >= SCORE_MIN && best.is_none_or(|(best, _)| score > best) {
            best = Some((score, sentence));
        }
    }
    let sentence = best?.1;
    sentence.evidence_from(lexicon::greeting_words(sentence))
}

fn score(sentence: &Spoken<'_>, has_purpose: bool) -> f32 {
    let content = sentence.content().count();
    if content == 0 || lexicon::is_number_reading(sentence) {
        return f32::MIN;
    }
    let part = |holds: bool, score: f32| if holds { score } else { 0.0 };
    part(has_purpose, PURPOSE_SCORE)
        + part(lexicon::IDENTITY.is_in(sentence), IDENTITY_SCORE)
        + part(lexicon::WEIGHTY.is_in(sentence), WEIGHTY_SCORE)
        + part(sentence.is_question(), QUESTION_SCORE)
        + part(lexicon::CLOSING.is_in(sentence), IDENTITY_SCORE)
        + CONTENT_SCORE * content.min(CONTENT_WORDS_MAX) as f32
}

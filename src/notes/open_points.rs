//! What was promised, and what the caller asked without an answer.

use std::collections::HashSet;

use super::lexicon::{self, Role};
use super::sentences::Spoken;
use crate::call::{Channel, Evidence};

/// A note with more open points than this is a transcript.
const OPEN_POINTS_MAX: usize = 8;
/// A question of fewer words with meaning is a check ("Allô ?", "C'est bon ?").
const QUESTION_CONTENT_WORDS_MIN: usize = 2;
/// A summary that shares more words with a point than this repeats it.
const SUMMED_UP_WORDS_MAX: usize = 1;
/// A sentence with more of its words known from one point than this adds nothing to it.
const REPEATED_SHARE: f32 = 0.7;
/// An answer has at least so many words: "Oui, tout à fait."
const ANSWER_WORDS_MIN: usize = 2;

/// Promises of either side and unanswered questions of the caller, in order of time. What the `recap` only repeats is
/// left out.
pub(super) fn find(sentences: &[Spoken<'_>], recap: &[Evidence]) -> Vec<Evidence> {
    let mut points: Vec<&Spoken<'_>> = Vec::new();
    for (at, sentence) in sentences.iter().enumerate() {
        let is_open =
            is_promise(sentence, &sentences[at + 1..]) || is_left_unanswered(sentence, &sentences[at + 1..]);
        let sums_up = recap.iter().any(|piece| sentence.is_told_by(piece));
        let common_max = if sums_up { SUMMED_UP_WORDS_MAX } else { repeated_words_max(sentence) };
        let is_new = || !points.iter().any(|point| common_words(sentence, point) > common_max);
        if is_open && points.len() < OPEN_POINTS_MAX && is_new() {
            points.push(sentence);
        }
    }
    points.into_iter().filter_map(Spoken::evidence).collect()
}

fn is_promise(sentence: &Spoken<'_>, later: &[Spoken<'_>]) -> bool {
    if sentence.is_question() || !lexicon::PROMISES.is_in(sentence) {
        return false;
    }
    // "Je vais vérifier, ne quittez pas": done while the caller waits, unless a day is named.
    let next = later.iter().find(|other| other.channel() == sentence.channel());
    let is_at_once = lexicon::NO_PROMISES.is_in(sentence)
        || next.is_some_and(|next| {
            next.utterance.span == sentence.utterance.span && lexicon::NO_PROMISES.is_in(next)
        });
    !is_at_once || lexicon::DEADLINES.is_in(sentence)
}

fn is_left_unanswered(sentence: &Spoken<'_>, later: &[Spoken<'_>]) -> bool {
    let is_asked = sentence.is_question()
        && sentence.may_be(Role::Caller)
        && sentence.content().count() >= QUESTION_CONTENT_WORDS_MIN;
    if !is_asked {
        return false;
    }
    match sentence.channel() {
        Channel::Caller => {
            // What the caller adds before the answer belongs to the question.
            let mut answer = later
                .iter()
                .skip_while(|other| other.channel() == Channel::Caller)
                .take_while(|other| other.channel() != Channel::Caller)
                .peekable();
            let is_answered = answer.peek().is_some();
            let (mut words, mut refused) = (0, false);
            for said in answer {
                words += said.words.len();
                refused |= lexicon::NO_ANSWERS.is_in(said);
            }
            !is_answered || refused || words < ANSWER_WORDS_MIN
        }
        // Nobody knows who asks and who answers: only a refusal right behind the question tells.
        Channel::Mixed | Channel::Numbered(_) => {
            later.first().is_some_and(|next| lexicon::NO_ANSWERS.is_in(next))
        }
        Channel::Agent | Channel::Bot => false,
    }
}

fn common_words(one: &Spoken<'_>, other: &Spoken<'_>) -> usize {
    let known: HashSet<&str> = other.content().collect();
    one.content().collect::<HashSet<&str>>().intersection(&known).count()
}

/// So many words in common with a point still make another one.
fn repeated_words_max(sentence: &Spoken<'_>) -> usize {
    let words = sentence.content().collect::<HashSet<&str>>().len();
    (words as f32 * REPEATED_SHARE) as usize
}

//! Which language a call is in, decided once for the whole call.
//!
//! A recogniser that guesses anew for every short answer turns "oui" into another language; the caller does not
//! change language there. So segments vote with their length and confidence until one language leads clearly, or until
//! so much was heard that waiting longer would not help, and what was heard in another is heard again. Only text that
//! is believed may vote: what the recogniser makes of hold music has a language too.

use std::time::Duration;

use super::{LanguageChoice, Recognition};
use crate::call::Language;

/// Lead, in seconds of confidently recognised speech, that settles the vote. About one full sentence: a lone "oui"
/// or "hello" (0.5 s) never settles it, and a caller's first sentence (3 to 6 s) usually does.
const SETTLING_LEAD_S: f64 = 3.0;

/// How much likelier than usual another language must be, in hundredths, when the lead is about to settle the vote: with the
/// usual 20 nearly certain. Chosen by reasoning, not measured.
const MOST_LEANING_PERCENT: f64 = 75.0;

/// Believed segments after which the vote is settled whoever leads: each one waits, with its audio, for the decision.
/// Fewer would let a handful of short answers decide; more costs 1.6 MB each and hears a mixed call twice for longer.
pub const SEGMENTS_COUNTED_MAX: usize = 8;

/// The same in time, since segments of 25 s tell more than answers of one word.
const LENGTH_COUNTED_MAX: Duration = Duration::from_secs(60);

/// A segment does not vote from this share of probability on languages that are not allowed on: it is likelier in one of those
/// than in any for which it would vote. It counts among [`SEGMENTS_COUNTED_MAX`] all the same.
const FOREIGN_SHARE: f32 = 0.5;

/// The vote of one call.
#[derive(Debug, Clone, PartialEq)]
pub struct LanguageVote {
    allowed: Vec<Language>,
    weights_s: Vec<f64>,
    segments_counted: usize,
    length_counted: Duration,
    settled: Option<Language>,
}

impl LanguageVote {
    /// A vote among the languages of `choice`; a known language is settled from the start.
    pub fn new(choice: &LanguageChoice) -> Self {
        let allowed = choice.languages().to_vec();
        Self {
            weights_s: vec![0.0; allowed.len()],
            segments_counted: 0,
            length_counted: Duration::ZERO,
            settled: match allowed.as_slice() {
                [only] => Some(*only),
                _ => None,
            },
            allowed,
        }
    }

    /// The vote of a call on which it matters whether an allowed language is spoken at all: one that is the only one has to be
    /// heard as any other has, and until then the recogniser is asked how much lies outside of it.
    pub fn noticing_others(choice: &LanguageChoice) -> Self {
        let vote = Self::new(choice);
        let settled = vote.settled.filter(|_| !choice.is_open());
        Self { settled, ..vote }
    }

    /// The language of the call once it is clear.
    pub fn settled(&self) -> Option<Language> {
        self.settled
    }

    /// What to ask the recogniser for: the language that leads is the preferred one, the more so the more it leads, so that a
    /// doubtful sentence does not lead a call into another.
    pub fn choice(&self) -> LanguageChoice {
        if let Some(language) = self.settled {
            return LanguageChoice::Known(language);
        }
        let leader = self.leader();
        let others = self.allowed.iter().copied().filter(|language| *language != leader);
        let languages: Vec<Language> = std::iter::once(leader).chain(others).collect();
        let lead = self.lead_s(leader) / SETTLING_LEAD_S;
        if lead > 0.0 {
            LanguageChoice::Leaning { languages, more_percent: (lead.min(1.0) * MOST_LEANING_PERCENT) as u8 }
        } else {
            LanguageChoice::Among(languages)
        }
    }

    /// The language with most votes; the first allowed one as long as nothing was heard.
    pub fn leader(&self) -> Language {
        let mut best = 0;
        for index in 1..self.allowed.len() {
            if self.weights_s[index] > self.weights_s[best] {
                best = index;
            }
        }
        self.allowed[best]
    }

    /// Counts what was heard, and believed, in a segment of `length`. Without effect once the vote is settled.
    pub fn count(&mut self, recognition: &Recognition, length: Duration) {
        if self.settled.is_some() || recognition.text.reveal().is_empty() {
            return;
        }
        self.segments_counted += 1;
        self.length_counted += length;
        self.weigh(recognition, length);
        if self.segments_counted >= SEGMENTS_COUNTED_MAX || self.length_counted >= LENGTH_COUNTED_MAX {
            self.settled = Some(self.settled.unwrap_or_else(|| self.leader()));
        }
    }

    fn weigh(&mut self, recognition: &Recognition, length: Duration) {
        let Some(index) = self.allowed.iter().position(|language| *language == recognition.language) else {
            return;
        };
        if recognition.foreign_share.is_some_and(|share| share >= FOREIGN_SHARE) {
            return;
        }
        let confidence = f64::from(recognition.mean_log_probability.exp().clamp(0.0, 1.0));
        self.weights_s[index] += length.as_secs_f64() * confidence;
        let leader = self.leader();
        if self.lead_s(leader) >= SETTLING_LEAD_S {
            self.settled = Some(leader);
        }
    }

    /// How far `leader` is ahead of the second.
    fn lead_s(&self, leader: Language) -> f64 {
        let others = self.allowed.iter().zip(&self.weights_s).filter(|(language, _)| **language != leader);
        let own = self.weight_s(leader);
        others.fold(own, |lead, (_, other)| lead.min(own - other))
    }

    fn weight_s(&self, language: Language) -> f64 {
        self.allowed
            .iter()
            .zip(&self.weights_s)
            .find(|(allowed, _)| **allowed == language)
            .map_or(0.0, |(_, weight)| *weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(language: Language, text: &str) -> Recognition {
        Recognition {
            language,
            text: text.into(),
            words: Vec::new(),
            mean_log_probability: -0.1,
            no_speech_probability: 0.0,
            foreign_share: None,
            context_positions: 768,
            decodings: 1,
            alternatives: Vec::new(),
            corrections: Vec::new(),
        }
    }

    #[test]
    fn a_known_language_needs_no_vote() {
        let vote = LanguageVote::new(&LanguageChoice::Known(Language::Nl));
        assert_eq!(vote.settled(), Some(Language::Nl));
        assert_eq!(vote.choice(), LanguageChoice::Known(Language::Nl));
    }

    #[test]
    fn a_short_answer_does_not_settle_the_vote_and_a_sentence_does() {
        let mut vote = LanguageVote::new(&LanguageChoice::Among(vec![Language::Fr, Language::En]));
        vote.count(&heard(Language::En, "hello"), Duration::from_millis(600));
        assert_eq!(vote.settled(), None);
        assert_eq!(vote.leader(), Language::En);
        let LanguageChoice::Leaning { languages, more_percent } = vote.choice() else { panic!() };
        assert_eq!(languages, [Language::En, Language::Fr], "preferred from now on");
        assert!((5..25).contains(&more_percent), "a little: {more_percent}");
        vote.count(&heard(Language::Fr, "bonjour, je vous appelle pour ma facture"), Duration::from_secs(5));
        assert_eq!(vote.settled(), Some(Language::Fr));
    }

    #[test]
    fn without_words_the_first_allowed_language_leads() {
        let mut vote = LanguageVote::new(&LanguageChoice::Among(vec![Language::Fr, Language::Nl]));
        vote.count(&heard(Language::Nl, ""), Duration::from_secs(20));
        assert_eq!((vote.leader(), vote.settled()), (Language::Fr, None));
    }

    #[test]
    fn a_tie_is_settled_for_the_first_allowed_language_after_so_many_segments() {
        let mut vote = LanguageVote::new(&LanguageChoice::Among(vec![Language::Fr, Language::En]));
        for index in 0..SEGMENTS_COUNTED_MAX {
            assert_eq!(vote.settled(), None);
            let language = if index % 2 == 0 { Language::En } else { Language::Fr };
            vote.count(&heard(language, "a"), Duration::from_secs(2));
        }
        assert_eq!((vote.settled(), vote.leader()), (Some(Language::Fr), Language::Fr));
    }

    #[test]
    fn a_narrow_lead_settles_after_a_minute() {
        let mut vote = LanguageVote::new(&LanguageChoice::Among(vec![Language::Fr, Language::En]));
        let seconds = Duration::from_secs;
        let mut unsure = heard(Language::En, "b");
        unsure.mean_log_probability = -5.0;
        vote.count(&unsure, seconds(25));
        vote.count(&unsure, seconds(25));
        assert_eq!(vote.settled(), None);
        vote.count(&unsure, seconds(10));
        assert_eq!(vote.settled(), Some(Language::En));
    }

    #[test]
    fn what_is_in_another_language_does_not_vote() {
        let mut vote = LanguageVote::new(&LanguageChoice::Among(vec![Language::Fr, Language::En]));
        let share = |share| Recognition { foreign_share: Some(share), ..heard(Language::En, "a") };
        vote.count(&share(0.9), Duration::from_secs(20));
        assert_eq!((vote.settled(), vote.leader()), (None, Language::Fr));
        assert_eq!(vote.choice(), LanguageChoice::Among(vec![Language::Fr, Language::En]));
        vote.count(&share(0.1), Duration::from_secs(5));
        assert_eq!(vote.settled(), Some(Language::En));
    }

    #[test]
    fn the_only_language_is_settled_when_it_was_heard_where_others_are_to_be_noticed() {
        let only = LanguageChoice::Among(vec![Language::Fr]);
        assert_eq!(LanguageVote::new(&only).choice(), LanguageChoice::Known(Language::Fr));
        let mut vote = LanguageVote::noticing_others(&only);
        assert_eq!(vote.choice(), only);
        let foreign = Recognition { foreign_share: Some(0.9), ..heard(Language::Fr, "que hier au") };
        vote.count(&foreign, Duration::from_secs(5));
        assert_eq!(vote.choice(), only);
        vote.count(&heard(Language::Fr, "bonjour, c'est pour ma facture"), Duration::from_secs(5));
        assert_eq!(vote.choice(), LanguageChoice::Known(Language::Fr));
        let known = LanguageChoice::Known(Language::Fr);
        assert_eq!(LanguageVote::noticing_others(&known).choice(), known);
    }

    #[test]
    fn a_settled_vote_does_not_move() {
        let mut vote = LanguageVote::new(&LanguageChoice::Among(vec![Language::Fr, Language::En]));
        vote.count(&heard(Language::En, "hello, this is about my bill"), Duration::from_secs(5));
        vote.count(&heard(Language::Fr, "bonjour"), Duration::from_secs(50));
        assert_eq!((vote.settled(), vote.leader()), (Some(Language::En), Language::En));
    }
}

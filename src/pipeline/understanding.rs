//! A scenario at work: its sentences learnt, its routes at hand.

use std::path::Path;
use std::sync::Arc;

use crate::call::{IntentDecision, Transcript};
use crate::home::Home;
use crate::intent::{self, Classifier, FullPace, Heard, Pace};
use crate::notes;
use crate::pipeline::learning::Learner;
use crate::pipeline::transcribe::Transcription;
use crate::pipeline::{Error, learning};
use crate::progress::Progress;
use crate::scenario::Scenario;

/// What was heard in a recording of one sentence. As on a call, other texts count only where all was heard in one piece:
/// which of them belong together nobody knows.
pub fn heard(transcription: &Transcription) -> Heard {
    let said = transcription.transcript.utterances.iter().map(Heard::from);
    let mut heard = said.reduce(|before, next| before.then(&next)).unwrap_or_else(|| Heard::from(""));
    if let [only] = transcription.alternatives.as_slice() {
        for (text, weight) in only {
            heard = heard.with_alternative(text.clone(), *weight);
        }
    }
    heard
}

/// A scenario with the classifier trained on it.
#[derive(Debug, Clone)]
pub struct Understanding {
    scenario: Scenario,
    classifier: Classifier,
}

impl Understanding {
    /// Reads the scenario in `folder` and learns its words; about a second for 30 intents.
    ///
    /// # Errors
    /// The scenario has mistakes, each named, or too few sentences to learn from.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let scenario = Scenario::load(folder)?;
        let classifier =
            Classifier::train(&scenario.examples, &scenario.out_of_scope, &scenario.train_options())?;
        Ok(Self { scenario, classifier })
    }

    /// Reads the scenario in `folder` and learns its words, and with the sentence encoder of `home`, where there is one,
    /// its meanings; what was learnt before is taken from `home`.
    ///
    /// # Errors
    /// As [`Understanding::open`]; the encoder is there and cannot be used.
    pub fn open_in(folder: &Path, home: &Home) -> Result<Self, Error> {
        Self::open_counted(folder, home, &Progress::hidden())
    }

    /// As [`Understanding::open_in`]; `progress` counts the sentences whose meaning is read.
    ///
    /// # Errors
    /// As [`Understanding::open_in`].
    pub fn open_counted(folder: &Path, home: &Home, progress: &Progress) -> Result<Self, Error> {
        Self::learn(folder, &Learner { home, progress, pace: Arc::new(FullPace) })
    }

    /// As [`Understanding::open_in`], at `pace`: for a process that does something else meanwhile.
    ///
    /// # Errors
    /// As [`Understanding::open_in`].
    pub fn open_beside(folder: &Path, home: &Home, pace: Arc<dyn Pace>) -> Result<Self, Error> {
        Self::learn(folder, &Learner { home, progress: &Progress::hidden(), pace })
    }

    fn learn(folder: &Path, learner: &Learner<'_>) -> Result<Self, Error> {
        let scenario = Scenario::load(folder)?;
        let meaning = learning::sentence_encoder(learner.home)?;
        let classifier = learner.classifier(&scenario, meaning)?;
        Ok(Self { scenario, classifier })
    }

    /// The scenario.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// What tells its intents apart.
    pub fn classifier(&self) -> &Classifier {
        &self.classifier
    }

    /// The version of the scenario: a hash of its files.
    pub fn version(&self) -> &str {
        &self.scenario.version
    }

    /// What classifies, in one word, for records.
    pub fn model(&self) -> &str {
        if self.classifier.has_meaning() { learning::SENTENCE_ENCODER } else { "lexical" }
    }

    /// The intent of the caller's purpose; `None` when no purpose was heard.
    pub fn judge(&self, transcript: &Transcript) -> Option<IntentDecision> {
        let evidence = notes::purpose(transcript)?;
        let ranking = self.classifier.classify(evidence.quote.reveal());
        let outcome =
            intent::decide(&ranking, &self.classifier.thresholds(), |intent| self.scenario.route_of(intent));
        Some(IntentDecision { evidence, candidates: ranking.candidates, outcome })
    }

    /// The intents, by name.
    pub fn intents(&self) -> &[String] {
        self.classifier.intents()
    }

    /// What an agent does for this intent, as Markdown; `None` where the scenario does not say.
    pub fn steps_of(&self, intent: &str) -> Option<&str> {
        self.scenario.steps_of(intent)
    }

    /// What the team of this route does, whatever the call is about.
    pub fn steps_of_route(&self, route: &str) -> Option<&str> {
        self.scenario.steps_of_route(route)
    }

    /// Names that the recogniser should expect.
    pub fn vocabulary(&self) -> Arc<[String]> {
        self.scenario.vocabulary.as_slice().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::{SamplePos, SampleSpan};
    use crate::call::{Channel, Language, Utterance, Word};

    fn transcription(texts: &[&str]) -> Transcription {
        let span = SampleSpan::new(SamplePos(0), SamplePos(16_000));
        let word = |text: &str| Word { text: text.into(), span, confidence: 0.5 };
        let utterance = |text: &&str| Utterance {
            channel: Channel::Caller,
            span,
            language: Language::Fr,
            text: (*text).into(),
            confidence: 0.5,
            words: text.split(' ').map(word).collect(),
        };
        Transcription {
            transcript: Transcript {
                channels: vec![Channel::Caller],
                end: SamplePos(16_000),
                language: Some(Language::Fr),
                utterances: texts.iter().map(utterance).collect(),
            },
            alternatives: vec![vec![("autre".into(), 0.5)]; texts.len()],
            rejected: Vec::new(),
            damage: None,
        }
    }

    #[test]
    fn other_texts_count_where_all_was_heard_in_one_piece() {
        let one = heard(&transcription(&["ma facture"]));
        assert_eq!((one.text.reveal().as_str(), one.alternatives.len()), ("ma facture", 1));
        assert_eq!(one.words.iter().map(|word| word.confidence).collect::<Vec<_>>(), [0.5, 0.5]);
        let two = heard(&transcription(&["euh", "ma facture"]));
        assert_eq!((two.text.reveal().as_str(), two.alternatives.len()), ("euh ma facture", 0));
        assert_eq!(two.words.len(), 3);
        assert_eq!(heard(&transcription(&[])), Heard::from(""));
    }
}

//! A scenario at work: its sentences learnt, its routes at hand.

use std::path::Path;
use std::sync::Arc;

use crate::call::{IntentDecision, Transcript};
use crate::home::Home;
use crate::intent::{self, Classifier};
use crate::notes;
use crate::pipeline::{Error, learning};
use crate::scenario::Scenario;

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
        let scenario = Scenario::load(folder)?;
        let classifier = learning::classifier(&scenario, home, learning::sentence_encoder(home)?)?;
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

    /// Names that the recogniser should expect.
    pub fn vocabulary(&self) -> Arc<[String]> {
        self.scenario.vocabulary.as_slice().into()
    }
}

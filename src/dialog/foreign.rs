//! Callers who speak a language that the scenario does not: they are asked once, then a person is.
//!
//! One sentence proves nothing: an accent, a name or a bad line is taken for another language now and then, and nobody who speaks
//! a language of the scenario may be sent away for it.

use super::machine::{Dialog, Scene, State};
use super::messages::Message;
use super::turn::{Rule, Sentence, Situation};
use crate::call::Language;
use crate::intent::Band;

/// With so many sentences in another language, and none between them that was understood, the caller speaks none of ours.
const FOREIGN_SENTENCES_MAX: u32 = 2;

impl Dialog {
    /// Whether a sentence was understood for sure: one about a sure intent or with the answer that is waited for, in whatever
    /// language it seemed to be.
    pub(super) fn is_understood(&self, sentence: &Sentence, situation: &Situation<'_>) -> bool {
        let is_sure = sentence.wishes.first().is_some_and(|wish| wish.band == Band::Sure);
        // Of two that were offered one is chosen by what the words are like, and here they are none of the caller's.
        let is_guess = sentence.is_foreign && matches!(self.state, State::Choosing { .. });
        is_sure || !is_guess && self.is_answer(sentence, situation)
    }

    /// A sentence that was not understood and is most likely in another language. Its words are none of the caller's: nothing of
    /// them is kept.
    pub(super) fn foreign(&mut self, scene: &mut Scene<'_>) -> Rule {
        let again = (Rule::OtherLanguage, Message::ValueAgain, Message::AskAgain);
        // The answer of a source comes first; nothing was asked yet, or nobody listens any more.
        if matches!(self.state, State::New | State::LookingUp(_) | State::Transferred(_) | State::Ended) {
            return Rule::Ignored;
        }
        self.foreign_sentences += 1;
        if self.foreign_sentences >= FOREIGN_SENTENCES_MAX {
            return self.not_spoken(scene);
        }
        let languages = listed(&self.plan.languages, self.language);
        self.say(Message::LanguagesSpoken, &[("languages", &languages)], &mut scene.actions);
        self.ask_anew(again, scene)
    }

    /// The caller speaks none of the languages: a person is asked.
    pub(super) fn not_spoken(&mut self, scene: &mut Scene<'_>) -> Rule {
        self.say(Message::OtherLanguage, &[], &mut scene.actions);
        self.reach_human(Rule::OtherLanguage, scene)
    }
}

/// The names of `languages`, as a sentence in `language` has them.
fn listed(languages: &[Language], language: Language) -> String {
    let names: Vec<&str> = languages.iter().map(|one| name(*one, language)).collect();
    let and = match language {
        Language::Fr => "et",
        Language::En => "and",
        Language::Nl => "en",
    };
    match names.as_slice() {
        [before @ .., last] if !before.is_empty() => format!("{} {and} {last}", before.join(", ")),
        names => names.concat(),
    }
}

/// What `one` is called in `language`.
const fn name(one: Language, language: Language) -> &'static str {
    match (one, language) {
        (Language::Fr, Language::Fr) => "français",
        (Language::Fr, Language::En) => "French",
        (Language::Fr, Language::Nl) => "Frans",
        (Language::En, Language::Fr) => "anglais",
        (Language::En, Language::En) => "English",
        (Language::En, Language::Nl) => "Engels",
        (Language::Nl, Language::Fr) => "néerlandais",
        (Language::Nl, Language::En) => "Dutch",
        (Language::Nl, Language::Nl) => "Nederlands",
    }
}

#[cfg(test)]
mod tests {
    use super::Language::{En, Fr, Nl};
    use super::*;

    #[test]
    fn languages_are_listed_as_they_are_said() {
        assert_eq!(listed(&[Fr], Fr), "français");
        assert_eq!(listed(&[Nl, En], En), "Dutch and English");
        assert_eq!(listed(&[Fr, En, Nl], Nl), "Frans, Engels en Nederlands");
    }
}

//! What the caller wants: acting on a wish, confirming it, offering two.

use super::attitude::{is_neither, ordinal};
use super::machine::{
    BARE_ANSWER_WORDS_MAX, Beside, Dialog, Scene, Second, Spoken, State, best, is_clear, words,
};
use super::memory::Understood;
use super::messages::Message;
use super::turn::{Rule, Sentence, Wish};
use crate::intent::Band;

/// Of two that were offered, the one that a sentence speaks for must be this many times as likely as the other.
const CLEARLY_MORE: f32 = 1.5;
/// The same for a sentence that would be understood as neither if nothing had been offered.
const CLEARLY_MORE_WHEN_LOST: f32 = 3.0;
/// A candidate below this probability is not worth a question.
const WORTH_ASKING: f32 = 0.2;

impl Dialog {
    /// A free sentence about what the caller wants.
    pub(super) fn wish(&mut self, sentence: &Sentence, scene: &mut Scene<'_>) -> Rule {
        if let Some(rule) = self.person_instead(sentence, scene) {
            return rule;
        }
        let Some(wish) = sentence.wishes.first() else {
            self.memory.hear(&sentence.text, (Understood::Lost, 0.0));
            return self.missed(Rule::AskAgain, Message::AskAgain, scene);
        };
        // Who says clearly what he said no to is asked about it once more, not passed over for the rest of the call.
        let is_back = wish.band == Band::Sure && best(sentence).is_some_and(|best| self.denied.remove(best));
        let candidates: Vec<(&str, f32)> = wish
            .ranking
            .candidates
            .iter()
            .filter(|one| !self.denied.contains(&one.intent) && self.plan.intents.contains_key(&one.intent))
            .map(|one| (one.intent.as_str(), one.probability))
            .collect();
        let was_denied = candidates.first().map(|(intent, _)| *intent)
            != wish.ranking.candidates.first().map(|one| one.intent.as_str());
        // What is left after a "no" was not the best reading: it is asked, never taken.
        let band = if was_denied && matches!(wish.band, Band::Sure | Band::Nearly | Band::TwoCandidates) {
            candidates
                .first()
                .filter(|(_, probability)| *probability >= WORTH_ASKING)
                .map_or(Band::Lost, |_| Band::Nearly)
        } else if is_back {
            Band::Nearly
        } else {
            wish.band
        };
        self.words = Some(sentence.text.clone());
        self.certainty = sentence.certainty.clone();
        self.beside = None;
        self.confidence = candidates.first().map(|(_, probability)| *probability);
        let is_human =
            candidates.first().is_some_and(|(intent, _)| self.plan.human_intent.as_deref() == Some(*intent));
        let understood = match band {
            Band::Sure | Band::Nearly if is_human => Understood::Human,
            Band::Sure | Band::Nearly | Band::TwoCandidates => Understood::Wish,
            Band::Lost => Understood::Lost,
            Band::OutOfScope => Understood::OutOfScope,
        };
        self.memory.hear(&sentence.text, (understood, self.confidence.unwrap_or_default()));
        match (band, candidates.as_slice()) {
            (Band::Sure, [(intent, _), ..]) => {
                self.note_second(sentence);
                let intent = (*intent).to_owned();
                self.act(&intent, (Some(sentence), Rule::Sure), scene)
            }
            // The other of two may have been said no to: what is left beside the first is then hardly meant.
            (Band::TwoCandidates, [(first, _), (second, probability), ..])
                if *probability >= WORTH_ASKING =>
            {
                self.note_second(sentence);
                let intents = [(*first).to_owned(), (*second).to_owned()];
                self.offer(intents, scene)
            }
            (Band::Nearly | Band::TwoCandidates, [(intent, _), ..]) => {
                self.note_second(sentence);
                let intent = (*intent).to_owned();
                self.ask_confirmation(intent, scene)
            }
            (Band::OutOfScope, _) => self.missed(Rule::OutOfScope, Message::OutOfScope, scene),
            _ => self.missed(Rule::AskAgain, Message::AskAgain, scene),
        }
    }

    /// A person is asked for while a value is: why the caller calls is known and not asked again. `None` where it is anything
    /// else, or nobody is there.
    fn person_instead(&mut self, sentence: &Sentence, scene: &mut Scene<'_>) -> Option<Rule> {
        let wish = sentence.wishes.first().filter(|wish| wish.band == Band::Sure)?;
        let best = wish.ranking.candidates.first()?;
        if self.plan.human_intent.as_ref() != Some(&best.intent) {
            return None;
        }
        let intent = self.state.task()?.intent().to_owned();
        let route = self.plan.intents.get(&intent)?.route.clone();
        self.plan.first_open(&route, scene.situation.now)?;
        self.memory.hear(&sentence.text, (Understood::Human, best.probability));
        Some(self.transfer((&route, Some(&intent)), Rule::WantsHuman, scene))
    }

    pub(super) fn note_second(&mut self, sentence: &Sentence) {
        let second = sentence.wishes.get(1).filter(|wish| matches!(wish.band, Band::Sure | Band::Nearly));
        let second = second.and_then(|wish| Some((wish.band, wish.ranking.candidates.first()?)));
        self.second = second
            .filter(|(_, best)| {
                self.plan.intents.contains_key(&best.intent) && !self.denied.contains(&best.intent)
            })
            .map(|(band, best)| Second {
                intent: best.intent.clone(),
                probability: best.probability,
                is_sure: band == Band::Sure,
            });
    }

    /// Takes up the second of two wishes: as any other, it is acted on when it is sure and asked about when it is not.
    pub(super) fn turn_to(&mut self, second: Second, scene: &mut Scene<'_>) -> Rule {
        self.confidence = Some(second.probability);
        if !second.is_sure {
            return self.ask_confirmation(second.intent, scene);
        }
        let label = self.name_of(&second.intent);
        self.say(Message::SecondWish, &[("label", &label)], &mut scene.actions);
        self.act(&second.intent, (None, Rule::SecondWish), scene)
    }

    /// The name by which `intent` is asked about: its own label, else that of its team.
    pub(super) fn name_of(&self, intent: &str) -> String {
        let label = self.plan.label(intent, self.language).map(str::to_owned);
        label.or_else(|| self.team_of(&self.plan.intents.get(intent)?.route)).unwrap_or_default()
    }

    pub(super) fn team_of(&self, route: &str) -> Option<String> {
        let route = self.plan.routes.get(route)?;
        self.plan.in_language(&route.label, self.language).cloned()
    }

    pub(super) fn ask_confirmation(&mut self, intent: String, scene: &mut Scene<'_>) -> Rule {
        // Left over from what the caller said no to: it was just asked and not answered, and asking it again is a loop.
        if matches!(&self.state, State::Confirming { intent: asked } if *asked == intent) {
            return self.missed(Rule::AskAgain, Message::AskAgain, scene);
        }
        self.state = State::Confirming { intent };
        self.ask_pending(scene);
        Rule::Confirm
    }

    pub(super) fn offer(&mut self, intents: [String; 2], scene: &mut Scene<'_>) -> Rule {
        self.state = State::Choosing { intents };
        self.ask_pending(scene);
        Rule::Offer
    }

    pub(super) fn confirmed(&mut self, intent: &str, sentence: &Sentence, scene: &mut Scene<'_>) -> Rule {
        let answer = self.yes_or_no(sentence, scene.situation);
        if answer != Some(false) && self.changes_mind(sentence, intent, scene.situation) {
            return self.wish(sentence, scene);
        }
        match answer {
            Some(true) => {
                self.confidence = Some(1.0);
                // "Oui, celle de mars."
                self.beside = Some(Beside { intent: intent.to_owned(), spoken: Spoken::of(sentence, true) });
                self.act(intent, (None, Rule::Confirmed), scene)
            }
            Some(false) => {
                self.denied.insert(intent.to_owned());
                self.denied_with(sentence, scene)
            }
            None if self.names_another(sentence, intent) => self.wish(sentence, scene),
            None if best(sentence).is_some_and(|best| best == intent) && is_clear(sentence) => {
                self.beside = Some(Beside { intent: intent.to_owned(), spoken: Spoken::of(sentence, true) });
                self.act(intent, (None, Rule::Confirmed), scene)
            }
            None => self.not_answered(sentence, scene),
        }
    }

    /// A sentence that is no answer to what was asked, and not clear enough to be a wish: it may say why the caller calls all
    /// the same, to a person.
    fn not_answered(&mut self, sentence: &Sentence, scene: &mut Scene<'_>) -> Rule {
        if words(sentence) > BARE_ANSWER_WORDS_MAX {
            self.memory.hear(&sentence.text, (Understood::Lost, 0.0));
        }
        self.missed(Rule::AskAgain, Message::AskAgain, scene)
    }

    /// After a "no": what else the sentence says, the other of two wishes, or the open question again.
    pub(super) fn denied_with(&mut self, sentence: &Sentence, scene: &mut Scene<'_>) -> Rule {
        let says_more = !self.is_bare(sentence, scene.situation);
        if says_more && best(sentence).is_some_and(|best| !self.denied.contains(best)) && is_clear(sentence) {
            return self.wish(sentence, scene);
        }
        if says_more {
            self.memory.hear(&sentence.text, (Understood::Lost, 0.0));
        }
        self.denied_without(scene)
    }

    /// After a "no" that says nothing else.
    pub(super) fn denied_without(&mut self, scene: &mut Scene<'_>) -> Rule {
        // It may be one of two that were offered and that the caller has just said no to.
        match self.second.take().filter(|second| !self.denied.contains(&second.intent)) {
            Some(second) => self.turn_to(second, scene),
            None => self.missed(Rule::Denied, Message::DeniedAskAgain, scene),
        }
    }

    pub(super) fn names_another(&self, sentence: &Sentence, intent: &str) -> bool {
        is_clear(sentence) && best(sentence).is_some_and(|best| best != intent)
    }

    /// Which of two a sentence chooses, by its place or by what it is about.
    pub(super) fn choice(&self, intents: &[String; 2], sentence: &Sentence) -> Option<usize> {
        let by_place = ordinal(sentence.text.reveal(), self.language);
        by_place.or_else(|| sentence.wishes.first().and_then(|wish| spoken_for(wish, intents)))
    }

    pub(super) fn chosen(
        &mut self,
        intents: &[String; 2],
        sentence: &Sentence,
        scene: &mut Scene<'_>,
    ) -> Rule {
        let text = sentence.text.reveal();
        if let Some(place) = self.choice(intents, sentence) {
            self.confidence = Some(1.0);
            return self.act(&intents[place], (None, Rule::Chosen), scene);
        }
        if is_neither(text, self.language) || self.yes_or_no(sentence, scene.situation) == Some(false) {
            self.denied.extend(intents.iter().cloned());
            return self.denied_with(sentence, scene);
        }
        if is_clear(sentence) && best(sentence).is_some_and(|best| !intents.iter().any(|one| one == best)) {
            return self.wish(sentence, scene);
        }
        self.not_answered(sentence, scene)
    }
}

/// Which of two offered intents a sentence speaks for, if for one clearly more than for the other.
fn spoken_for(wish: &Wish, intents: &[String; 2]) -> Option<usize> {
    let clearly = match wish.band {
        Band::Sure | Band::Nearly | Band::TwoCandidates => CLEARLY_MORE,
        Band::Lost | Band::OutOfScope => CLEARLY_MORE_WHEN_LOST,
    };
    let probability = |intent: &str| {
        wish.ranking.candidates.iter().find(|one| one.intent == intent).map_or(0.0, |one| one.probability)
    };
    let [first, second] = [probability(&intents[0]), probability(&intents[1])];
    if first.max(second) < WORTH_ASKING {
        return None;
    }
    if first >= clearly * second {
        Some(0)
    } else if second >= clearly * first {
        Some(1)
    } else {
        None
    }
}

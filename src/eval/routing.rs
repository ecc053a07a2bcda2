//! `allo eval intent --scenario`: where a scenario, as a call has it, leads sentences that it did not learn from.
//!
//! Each sentence goes the way that it goes on a call: its wishes, each weighed by the thresholds of the scenario and by what
//! a wrong transfer to the route of its best intent costs ([`Classifier::weigh`]). One accuracy is over everything: in scope,
//! the intent that is acted on, confirmed or offered first is the right one, and the sentence is not parted in two; out of
//! scope, nothing is acted on: the sentence is rejected, or a question is asked. Beside it stands what callers pay for it,
//! questions and wrong transfers.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::intent::{Asked, Error, Figures, read_examples, rounded, share};
use crate::intent::calibrate::{CALIBRATION_BINS, Judged, calibration_error};
use crate::intent::{Band, Classifier, Example, Heard, HeldOutSentence, OutOfScope, Weighed};

/// The intent, in a file of sentences, of those that no intent is for.
pub const OUT_OF_SCOPE: &str = "out_of_scope";

/// Where an intent leads.
#[derive(Debug, Clone, PartialEq)]
pub struct Lead {
    /// Id of its route.
    pub route: String,
    /// What a wrong transfer to it costs against an ordinary one.
    pub wrong_transfer_cost: f32,
}

/// A scenario at work on sentences.
#[derive(Debug, Clone)]
pub struct Routing {
    /// Learnt from its sentences, those out of scope among them.
    pub classifier: Classifier,
    /// Intent → where it leads.
    pub leads: BTreeMap<String, Lead>,
}

/// The figures; all shares are 0 to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct RoutingReport {
    /// Sentences tested that have an intent.
    pub inside: usize,
    /// Sentences tested that no intent is for.
    pub outside: usize,
    /// Intents of the scenario.
    pub intents: usize,
    /// How much meanings count against words, 0 (no encoder) to 1.
    pub meaning_share: f32,
    /// Share of all sentences that are treated rightly.
    pub accuracy: f32,
    /// The same of those in scope.
    pub accuracy_in_scope: f32,
    /// What becomes of those out of scope; `None` without any.
    pub out_of_scope: Option<OutsideReport>,
    /// Share of all sentences that are answered by a question: to confirm, to choose, or to say it again.
    pub questions: f32,
    /// Share of all sentences of which an intent that they do not have is acted on without a question.
    pub wrong_transfers: f32,
    /// Share of all sentences that are led to another team by it; every one that is out of scope is.
    pub wrong_teams: f32,
    /// Share of those in scope that are rejected.
    pub rejected_in_scope: f32,
    /// Share of those in scope, each of one wish, that are taken for two.
    pub parted: f32,
    /// Expected calibration error over 15 bins, of those in scope.
    pub calibration_error: f32,
    /// Route → what became of those that were led there.
    pub routes: BTreeMap<String, RouteCounts>,
}

/// What becomes of sentences out of scope; the rest of them is acted on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutsideReport {
    /// Share that is rejected.
    pub rejected: f32,
    /// Share that is answered by a question.
    pub questions: f32,
}

/// What becomes of one sentence.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// What is done about its first wish.
    pub band: Band,
    /// The best intent of each of its wishes with its probability, in the order of speech.
    pub understood: Vec<(String, f32)>,
    /// Probability that it is in scope, 0 to 1.
    pub in_scope: f32,
    /// Whether it counts as treated rightly.
    pub is_right: bool,
}

/// Wishes of which an intent of one route was the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RouteCounts {
    /// Acted on without a question.
    pub led: usize,
    /// Of these, of another intent or none.
    pub wrong: usize,
    /// Confirmed, or offered beside another.
    pub asked: usize,
}

/// The sentences of a file: those with an intent, which has to be one of `leads`, and those with [`OUT_OF_SCOPE`].
///
/// # Errors
/// As [`read_examples`]; [`Error::UnknownIntent`].
pub fn read_test(
    path: &Path,
    leads: &BTreeMap<String, Lead>,
) -> Result<(Vec<Example>, Vec<OutOfScope>), Error> {
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    for example in read_examples(path)? {
        if leads.contains_key(&example.intent) {
            inside.push(example);
        } else if example.intent == OUT_OF_SCOPE {
            outside.push(OutOfScope { text: example.text, language: example.language });
        } else {
            return Err(Error::UnknownIntent { path: path.to_owned(), intent: example.intent });
        }
    }
    Ok((inside, outside))
}

impl Routing {
    /// Measures on `inside` and on `outside`, which may be empty.
    pub fn measure(&self, inside: &[Asked], outside: &[Heard]) -> RoutingReport {
        let mut count = Count::default();
        for asked in inside {
            count.add(
                Sentence { wishes: &self.weigh(&asked.heard), intent: Some(&asked.intent) },
                &self.leads,
            );
        }
        for heard in outside {
            count.add(Sentence { wishes: &self.weigh(heard), intent: None }, &self.leads);
        }
        self.report(count, (inside.len(), outside.len()))
    }

    /// What becomes of one sentence that has `intent`, `None` for none.
    pub fn outcome(&self, heard: &Heard, intent: Option<&str>) -> Outcome {
        let wishes = self.weigh(heard);
        let sentence = Sentence { wishes: &wishes, intent };
        let best = wishes.iter().filter_map(|wish| wish.ranking.candidates.first());
        Outcome {
            band: sentence.band(),
            understood: best.map(|best| (best.intent.clone(), best.probability)).collect(),
            in_scope: wishes.first().map_or(0.0, |wish| wish.ranking.in_scope),
            is_right: match intent {
                Some(_) => sentence.is_right(),
                None => sentence.wrongly_led().next().is_none(),
            },
        }
    }

    /// Measures on the sentences that the classifier learnt from, each as it was understood when it was held out. None is
    /// parted, and a text that was misheard counts as one that was written.
    pub fn measure_held_out(&self) -> RoutingReport {
        let (mut count, mut inside) = (Count::default(), 0);
        let sentences = &self.classifier.report().sentences;
        for HeldOutSentence { intent, ranking } in sentences {
            let cost_of = |intent: &str| self.wrong_transfer_cost(intent);
            let wish = Weighed::of(ranking.clone(), &self.classifier.thresholds(), cost_of);
            count.add(Sentence { wishes: &[wish], intent: intent.as_deref() }, &self.leads);
            inside += usize::from(intent.is_some());
        }
        self.report(count, (inside, sentences.len() - inside))
    }

    fn report(&self, count: Count, (inside, outside): (usize, usize)) -> RoutingReport {
        let all = inside + outside;
        RoutingReport {
            inside,
            outside,
            intents: self.leads.len(),
            meaning_share: self.classifier.report().meaning_share,
            accuracy: share(count.right + outside - count.outside_led, all),
            accuracy_in_scope: share(count.right, inside),
            out_of_scope: (outside > 0).then(|| OutsideReport {
                rejected: share(count.outside_rejected, outside),
                questions: share(outside - count.outside_rejected - count.outside_led, outside),
            }),
            questions: share(count.questions, all),
            wrong_transfers: share(count.wrong_transfers, all),
            wrong_teams: share(count.wrong_teams, all),
            rejected_in_scope: share(count.inside_rejected, inside),
            parted: share(count.parted, inside),
            calibration_error: calibration_error(&count.judged, CALIBRATION_BINS),
            routes: count.routes,
        }
    }

    fn weigh(&self, heard: &Heard) -> Vec<Weighed> {
        self.classifier.weigh(heard, |intent| self.wrong_transfer_cost(intent))
    }

    fn wrong_transfer_cost(&self, intent: &str) -> f32 {
        self.leads.get(intent).map_or(1.0, |lead| lead.wrong_transfer_cost)
    }
}

/// What was understood of a sentence, and what it means.
#[derive(Clone, Copy)]
struct Sentence<'s> {
    /// In the order of speech; the first decides what follows at once.
    wishes: &'s [Weighed],
    /// `None`: no intent is for it.
    intent: Option<&'s str>,
}

impl Sentence<'_> {
    fn band(&self) -> Band {
        self.wishes.first().map_or(Band::Lost, |wish| wish.band)
    }

    /// Wishes that are acted on without a question and are not what the sentence means.
    fn wrongly_led(&self) -> impl Iterator<Item = &Weighed> {
        self.wishes.iter().filter(|wish| wish.band == Band::Sure && wish.best() != self.intent)
    }

    /// Whether its own intent is acted on, confirmed or offered first, and no other.
    fn is_right(&self) -> bool {
        let [wish] = self.wishes else { return false };
        let is_dealt_with = match wish.band {
            Band::Sure | Band::Nearly | Band::TwoCandidates => true,
            Band::Lost | Band::OutOfScope => false,
        };
        is_dealt_with && wish.best() == self.intent
    }
}

#[derive(Default)]
struct Count {
    right: usize,
    inside_rejected: usize,
    parted: usize,
    outside_rejected: usize,
    outside_led: usize,
    questions: usize,
    wrong_transfers: usize,
    wrong_teams: usize,
    judged: Vec<Judged>,
    routes: BTreeMap<String, RouteCounts>,
}

impl Count {
    fn add(&mut self, sentence: Sentence<'_>, leads: &BTreeMap<String, Lead>) {
        let band = sentence.band();
        let is_led_wrongly = sentence.wrongly_led().next().is_some();
        self.wrong_transfers += usize::from(is_led_wrongly);
        self.questions += usize::from(matches!(band, Band::Nearly | Band::TwoCandidates | Band::Lost));
        let route_of = |intent: Option<&str>| Some(leads.get(intent?)?.route.as_str());
        let own = route_of(sentence.intent);
        self.wrong_teams +=
            usize::from(sentence.wrongly_led().any(|wish| own.is_none() || route_of(wish.best()) != own));
        if sentence.intent.is_some() {
            self.right += usize::from(sentence.is_right());
            self.inside_rejected += usize::from(band == Band::OutOfScope);
            self.parted += usize::from(sentence.wishes.len() > 1);
            let best = sentence.wishes.first().and_then(|wish| wish.ranking.candidates.first());
            self.judged.extend(best.map(|best| Judged {
                probability: best.probability,
                right: Some(best.intent.as_str()) == sentence.intent,
            }));
        } else {
            self.outside_led += usize::from(is_led_wrongly);
            self.outside_rejected += usize::from(band == Band::OutOfScope && !is_led_wrongly);
        }
        for wish in sentence.wishes {
            let Some(route) = route_of(wish.best()) else { continue };
            let counts = self.routes.entry(route.to_owned()).or_default();
            match wish.band {
                Band::Sure => {
                    counts.led += 1;
                    counts.wrong += usize::from(wish.best() != sentence.intent);
                }
                Band::Nearly | Band::TwoCandidates => counts.asked += 1,
                Band::Lost | Band::OutOfScope => {}
            }
        }
    }
}

impl Figures for RoutingReport {
    fn heading(&self) -> String {
        format!("{} sentences in scope, {} out of scope, {} intents", self.inside, self.outside, self.intents)
    }

    fn lines(&self) -> Vec<(&'static str, f32)> {
        let mut lines = vec![
            ("accuracy over all", self.accuracy),
            ("accuracy in scope", self.accuracy_in_scope),
            ("questions asked", self.questions),
            ("wrong intent acted on", self.wrong_transfers),
            ("led to a wrong team", self.wrong_teams),
            ("in scope rejected", self.rejected_in_scope),
            ("one wish taken for two", self.parted),
            ("expected calibration error", self.calibration_error),
        ];
        if let Some(outside) = &self.out_of_scope {
            lines.insert(2, ("out of scope rejected", outside.rejected));
            lines.insert(3, ("out of scope asked about", outside.questions));
        }
        lines
    }

    fn json(&self) -> Value {
        let route = |(id, counts): (&String, &RouteCounts)| {
            let RouteCounts { led, wrong, asked } = counts;
            (id.clone(), json!({ "led": led, "wrong": wrong, "asked": asked }))
        };
        json!({
            "sentences": self.inside + self.outside,
            "in_scope": self.inside,
            "out_of_scope": self.outside,
            "intents": self.intents,
            "accuracy": rounded(self.accuracy),
            "accuracy_in_scope": rounded(self.accuracy_in_scope),
            "out_of_scope_rejected": self.out_of_scope.map(|outside| rounded(outside.rejected)),
            "out_of_scope_questions": self.out_of_scope.map(|outside| rounded(outside.questions)),
            "questions": rounded(self.questions),
            "wrong_transfers": rounded(self.wrong_transfers),
            "wrong_teams": rounded(self.wrong_teams),
            "rejected_in_scope": rounded(self.rejected_in_scope),
            "parted": rounded(self.parted),
            "calibration_error": rounded(self.calibration_error),
            "meaning_share": rounded(self.meaning_share),
            "routes": self.routes.iter().map(route).collect::<serde_json::Map<_, _>>(),
        })
    }

    fn text(&self) -> String {
        let mut text = format!("{}\n", self.heading());
        for (label, value) in self.lines() {
            text += &format!("{label:<46} {:>6.1} %\n", 100.0 * value);
        }
        for (route, RouteCounts { led, wrong, asked }) in &self.routes {
            text += &format!("  {route:<44} {led} led there, {wrong} of them wrongly, {asked} asked about\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{IntentScore, Language};
    use crate::intent::{Ranking, Thresholds, TrainOptions};

    const THRESHOLDS: Thresholds = Thresholds { in_scope: 0.3, likely: 0.6, sure: 0.9 };

    fn leads() -> BTreeMap<String, Lead> {
        let lead = |route: &str, wrong_transfer_cost| Lead { route: route.to_owned(), wrong_transfer_cost };
        BTreeMap::from([
            ("facture".to_owned(), lead("compta", 1.0)),
            ("paiement".to_owned(), lead("compta", 1.0)),
            ("vol".to_owned(), lead("securite", 2.0)),
        ])
    }

    /// What is understood with this probability in this intent, and 0.05 in another.
    fn wish(intent: &str, probability: f32, in_scope: f32) -> Weighed {
        let score = |intent: &str, probability| IntentScore { intent: intent.to_owned(), probability };
        let candidates = vec![score(intent, probability), score("autre", 0.05)];
        let cost_of = |intent: &str| leads().get(intent).map_or(1.0, |lead| lead.wrong_transfer_cost);
        Weighed::of(Ranking { candidates, in_scope }, &THRESHOLDS, cost_of)
    }

    fn counted(sentences: &[(&[Weighed], Option<&str>)]) -> Count {
        let mut count = Count::default();
        for (wishes, intent) in sentences {
            count.add(Sentence { wishes, intent: *intent }, &leads());
        }
        count
    }

    #[test]
    fn the_intent_that_is_acted_on_confirmed_or_offered_first_has_to_be_right() {
        for (wishes, right) in [
            (vec![wish("facture", 0.95, 0.9)], 1),
            (vec![wish("facture", 0.7, 0.9)], 1),
            (vec![wish("paiement", 0.95, 0.9)], 0),
            // Asked again in the open, and rejected: the intent is not used.
            (vec![wish("facture", 0.3, 0.9)], 0),
            (vec![wish("facture", 0.95, 0.2)], 0),
            // One wish taken for two, though one of them is right.
            (vec![wish("facture", 0.95, 0.9), wish("vol", 0.7, 0.9)], 0),
        ] {
            assert_eq!(counted(&[(wishes.as_slice(), Some("facture"))]).right, right, "{wishes:?}");
        }
    }

    #[test]
    fn wrong_transfers_and_questions_are_counted_by_route() {
        let count = counted(&[
            (&[wish("paiement", 0.95, 0.9)], Some("facture")),
            // Sure for an ordinary route, not for this one.
            (&[wish("vol", 0.93, 0.9)], Some("vol")),
            (&[wish("vol", 0.97, 0.9)], Some("facture")),
            (&[wish("facture", 0.95, 0.9), wish("vol", 0.97, 0.9)], Some("facture")),
            (&[wish("facture", 0.95, 0.9)], None),
            (&[wish("facture", 0.6, 0.9)], None),
            (&[wish("facture", 0.95, 0.1)], None),
        ]);
        assert_eq!((count.wrong_transfers, count.wrong_teams, count.parted), (4, 3, 1));
        assert_eq!((count.outside_led, count.outside_rejected, count.questions), (1, 1, 2));
        assert_eq!(count.routes["compta"], RouteCounts { led: 3, wrong: 2, asked: 1 });
        assert_eq!(count.routes["securite"], RouteCounts { led: 2, wrong: 2, asked: 1 });
    }

    #[test]
    fn one_accuracy_is_over_everything() {
        let frames =
            ["bonjour je veux", "euh je voudrais", "s'il vous plaît", "il faudrait", "alors", "donc"];
        let wishes =
            [("facture", "voir ma facture"), ("paiement", "payer"), ("vol", "bloquer un téléphone volé")];
        let sentence = |intent: &str, frame: &str, wish: &str| {
            Example::new(format!("{frame} {wish}"), intent, Language::Fr)
        };
        let examples: Vec<Example> = wishes
            .iter()
            .flat_map(|(intent, wish)| frames.map(|frame| sentence(intent, frame, wish)))
            .collect();
        let classifier = Classifier::train(&examples, &[], &TrainOptions::default()).unwrap();
        let routing = Routing { classifier, leads: leads() };
        let inside: Vec<Asked> = examples.iter().map(Asked::from).collect();
        let outside = [Heard::from("wxyz kkk qqq jjj")];
        let report = routing.measure(&inside, &outside);
        assert_eq!((report.inside, report.outside, report.intents), (18, 1, 3));
        let outside_right = report.out_of_scope.map_or(0.0, |one| one.rejected + one.questions);
        let expected = (18.0 * report.accuracy_in_scope + outside_right) / 19.0;
        assert!((report.accuracy - expected).abs() < 1e-6, "{report:?}");
        let json = report.json();
        for key in ["accuracy", "accuracy_in_scope", "out_of_scope_rejected", "questions", "wrong_transfers"]
        {
            assert!(json[key].is_number() && json["routes"].is_object(), "{key}");
        }
        assert!(
            report.text().starts_with("18 sentences in scope, 1 out of scope, 3 intents\naccuracy over all ")
        );
        let held_out = routing.measure_held_out();
        assert_eq!((held_out.inside, held_out.outside), (routing.classifier.report().held_out, 0));
        let understood = &routing.classifier.report().sentences;
        let best = |one: &HeldOutSentence| one.ranking.candidates.first().map(|best| best.intent.clone());
        let right = understood.iter().filter(|one| best(one) == one.intent).count() as f32;
        assert!((right / understood.len() as f32 - routing.classifier.report().accuracy).abs() < 1e-6);
        assert!(understood.iter().all(|one| one.ranking.candidates.len() == 2));
        let without = routing.measure(&inside, &[]);
        assert_eq!((without.out_of_scope, without.accuracy), (None, without.accuracy_in_scope));
    }

    #[test]
    fn a_file_may_hold_sentences_out_of_scope_and_no_unknown_intent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, "text,intent,lang\nma facture,facture,fr\nun taxi,out_of_scope,fr\n").unwrap();
        let (inside, outside) = read_test(&path, &leads()).unwrap();
        assert_eq!((inside.len(), outside[0].text.as_str()), (1, "un taxi"));
        std::fs::write(&path, "text,intent,lang\nma facture,factures,fr\n").unwrap();
        let error = read_test(&path, &leads()).unwrap_err().to_string();
        assert!(error.contains("no intent `factures`") && error.contains("hint: "), "{error}");
    }
}

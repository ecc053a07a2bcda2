//! What a dialogue does with a ranking, by what each way costs.
//!
//! The unit of cost is one short question ("Vous appelez pour votre facture ?"). Acting on the best intent risks a wrong
//! transfer; a question costs one and saves the transfer when it meets the wish; a choice of two costs more and meets
//! more. Probabilities are calibrated, so the expected cost of each way is a sum, and the cheapest way is taken.

use super::{Ranking, Thresholds};

/// How well a sentence was understood, and with it what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Band {
    /// Act on the best intent.
    Sure,
    /// Confirm the best intent in a short question.
    Nearly,
    /// Offer the best two.
    TwoCandidates,
    /// Ask again in the open, then by keypad, then a human.
    Lost,
    /// The sentence is about none of the intents.
    OutOfScope,
}

/// Cost of a question with one candidate: the unit.
const QUESTION: f32 = 1.0;
/// Cost of a choice of two: a longer question, answered by a word rather than by yes.
const CHOICE: f32 = 1.5;
/// Cost of a question that missed: the caller has to say it again, and another question follows.
const MISSED: f32 = 2.0;
/// Cost of asking again in the open.
const ASK_AGAIN: f32 = 2.0;
/// Below this probability nothing is acted on without a question, however little a wrong transfer costs: two callers of
/// five would be led elsewhere than they asked.
pub const SURE_MIN: f32 = 0.6;

/// What to do with `ranking`. `wrong_transfer_cost` is the cost of a wrong transfer to the route of the best intent
/// against an ordinary one's, which is 1: at 2 half as many decisions may be wrong, at 0.5 twice as many.
pub fn band(ranking: &Ranking, thresholds: &Thresholds, wrong_transfer_cost: f32) -> Band {
    if ranking.in_scope < thresholds.in_scope {
        return Band::OutOfScope;
    }
    let probability = |rank: usize| ranking.candidates.get(rank).map_or(0.0, |one| one.probability);
    let (best, second) = (probability(0), probability(1));
    if !ranking.candidates.is_empty() && best >= sure_from(thresholds, wrong_transfer_cost) {
        return Band::Sure;
    }
    let confirm = QUESTION + MISSED * (1.0 - best);
    let offer = CHOICE + MISSED * (1.0 - best - second);
    if ASK_AGAIN < confirm.min(offer) {
        Band::Lost
    } else if offer < confirm {
        Band::TwoCandidates
    } else {
        Band::Nearly
    }
}

/// From which probability on a decision needs no question. At [`Thresholds::sure`] an ordinary wrong transfer, times how
/// often it happens there, costs as much as a question; where it costs more, it must happen as much less often. Never below
/// [`SURE_MIN`], and [`Thresholds::NEVER`] where nothing may be acted on.
pub fn sure_from(thresholds: &Thresholds, wrong_transfer_cost: f32) -> f32 {
    if thresholds.sure > 1.0 {
        return Thresholds::NEVER;
    }
    let wrong_at_most = (1.0 - thresholds.sure) / wrong_transfer_cost.max(f32::MIN_POSITIVE);
    (1.0 - wrong_at_most).max(SURE_MIN)
}

/// A wish of a caller with what a dialogue does about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Weighed {
    /// What was understood.
    pub ranking: Ranking,
    /// What a wrong transfer of its best intent costs against an ordinary one.
    pub wrong_transfer_cost: f32,
    /// From which probability on the best intent is acted on.
    pub sure_from: f32,
    /// What to do.
    pub band: Band,
}

impl Weighed {
    /// Weighs `ranking`; `cost_of` gives the cost of a wrong transfer to the route of an intent.
    pub fn of(ranking: Ranking, thresholds: &Thresholds, cost_of: impl Fn(&str) -> f32) -> Self {
        let wrong_transfer_cost = ranking.candidates.first().map_or(1.0, |best| cost_of(&best.intent));
        Self {
            wrong_transfer_cost,
            sure_from: sure_from(thresholds, wrong_transfer_cost),
            band: band(&ranking, thresholds, wrong_transfer_cost),
            ranking,
        }
    }

    /// The most probable intent.
    pub fn best(&self) -> Option<&str> {
        self.ranking.candidates.first().map(|one| one.intent.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::call::IntentScore;
    use crate::intent::calibrate::{calibrated, threshold_by_cost};

    const THRESHOLDS: Thresholds = Thresholds { in_scope: 0.3, likely: 0.8, sure: 0.8 };

    fn ranking(in_scope: f32, probabilities: &[f32]) -> Ranking {
        let candidate = |(index, &probability): (usize, &f32)| IntentScore {
            intent: format!("intent_{index}"),
            probability,
        };
        Ranking { candidates: probabilities.iter().enumerate().map(candidate).collect(), in_scope }
    }

    fn of(probabilities: &[f32]) -> Band {
        band(&ranking(0.9, probabilities), &THRESHOLDS, 1.0)
    }

    #[test]
    fn each_band_is_the_cheapest_way() {
        assert_eq!(of(&[0.9, 0.05]), Band::Sure);
        assert_eq!(of(&[0.7, 0.1, 0.1]), Band::Nearly);
        assert_eq!(of(&[0.45, 0.4, 0.1]), Band::TwoCandidates);
        assert_eq!(of(&[0.3, 0.2, 0.2]), Band::Lost);
        assert_eq!(of(&[]), Band::Lost);
        assert_eq!(band(&ranking(0.2, &[0.99]), &THRESHOLDS, 1.0), Band::OutOfScope);
    }

    #[test]
    fn a_dearer_transfer_needs_more_certainty() {
        let clear = ranking(0.9, &[0.85, 0.1]);
        assert_eq!(band(&clear, &THRESHOLDS, 1.0), Band::Sure);
        assert_eq!(band(&clear, &THRESHOLDS, 2.0), Band::Nearly);
        assert_eq!(band(&ranking(0.9, &[0.65, 0.1]), &THRESHOLDS, 0.5), Band::Sure);
        assert_eq!(sure_from(&THRESHOLDS, 1.0), 0.8);
        let never = Thresholds { sure: Thresholds::NEVER, ..THRESHOLDS };
        assert_eq!(band(&ranking(0.9, &[1.0]), &never, 0.5), Band::Nearly);
    }

    #[test]
    fn a_guess_is_never_sure() {
        let easy = Thresholds { sure: 0.4, ..THRESHOLDS };
        for cost in [0.0, 0.1, 1.0, 5.0] {
            assert_ne!(band(&ranking(0.9, &[0.4, 0.1]), &easy, cost), Band::Sure, "{cost}");
            assert!(sure_from(&THRESHOLDS, cost) >= SURE_MIN);
        }
    }

    #[test]
    fn a_wish_is_weighed_by_the_route_of_its_best_intent() {
        let cost_of = |intent: &str| if intent == "intent_0" { 2.0 } else { 0.5 };
        let weighed = Weighed::of(ranking(0.9, &[0.85, 0.1]), &THRESHOLDS, cost_of);
        assert_eq!((weighed.best(), weighed.band), (Some("intent_0"), Band::Nearly));
        assert_eq!(weighed.wrong_transfer_cost, 2.0);
        assert!((weighed.sure_from - 0.9).abs() < 1e-6, "{}", weighed.sure_from);
        assert_eq!(Weighed::of(ranking(0.9, &[]), &THRESHOLDS, cost_of).wrong_transfer_cost, 1.0);
    }

    proptest! {
        #[test]
        fn more_certainty_never_makes_a_worse_band(best in 0.0_f32..1.0, more in 0.0_f32..1.0, cost in 0.1_f32..10.0) {
            let at = |probability: f32| band(&ranking(1.0, &[probability]), &THRESHOLDS, cost);
            let order = |band: Band| match band {
                Band::Sure => 0,
                Band::Nearly => 1,
                Band::TwoCandidates => 2,
                Band::Lost | Band::OutOfScope => 3,
            };
            let (low, high) = (best.min(more), best.max(more));
            prop_assert!(order(at(high)) <= order(at(low)));
        }

        // What a wrong transfer costs is given here, in questions; the threshold is chosen by it on sentences.
        #[test]
        fn a_transfer_is_never_made_where_a_question_is_cheaper(
            best in 0.0_f32..1.0,
            cost in 0.1_f32..10.0,
            precision in 0.6_f32..0.97,
        ) {
            let wrong_transfer = 1.0 / (1.0 - precision);
            let sure = threshold_by_cost(wrong_transfer, &calibrated()).unwrap_or(Thresholds::NEVER);
            let thresholds = Thresholds { sure, ..THRESHOLDS };
            let acts = band(&ranking(1.0, &[best]), &thresholds, cost) == Band::Sure;
            prop_assert!(!acts || (1.0 - best) * cost * wrong_transfer <= QUESTION + 0.01, "{sure}");
        }
    }
}

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
/// often it happens, costs as much as a question; where it costs more, it must happen as much less often.
pub fn sure_from(thresholds: &Thresholds, wrong_transfer_cost: f32) -> f32 {
    if thresholds.sure > 1.0 || wrong_transfer_cost <= 0.0 {
        // Either nothing may be acted on, or a transfer can do no harm.
        return if wrong_transfer_cost <= 0.0 { 0.0 } else { f32::INFINITY };
    }
    (1.0 - (1.0 - thresholds.sure) / wrong_transfer_cost).max(0.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::call::IntentScore;

    const THRESHOLDS: Thresholds = Thresholds { in_scope: 0.3, sure: 0.8 };

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
        let never = Thresholds { in_scope: 0.3, sure: f32::INFINITY };
        assert_eq!(band(&ranking(0.9, &[1.0]), &never, 0.5), Band::Nearly);
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

        #[test]
        fn a_transfer_is_never_made_where_a_question_is_cheaper(best in 0.0_f32..1.0, cost in 0.1_f32..10.0) {
            let wrong_transfer = cost / (1.0 - THRESHOLDS.sure);
            let acts = band(&ranking(1.0, &[best]), &THRESHOLDS, cost) == Band::Sure;
            prop_assert!(!acts || (1.0 - best) * wrong_transfer <= QUESTION + 1e-3);
        }
    }
}

//! Which of the allowed languages a segment is in, from the model's probabilities.

use crate::call::Language;

/// Speech shorter than this does not tell its language (a lone "oui", "ok", "ja"); the preferred language is taken.
/// Below it the detector of `base` guesses; far above it a short foreign sentence would be forced into French.
pub const SHORTEST_TELLING_SAMPLES: usize = 16_000;

/// Chooses among `allowed`, the preferred one first, given the model's probability for each of them in the same order.
///
/// Another language must be likelier than the preferred one by `margin`, a difference of probabilities renormalised
/// over the allowed ones, so that an unsure detector never switches. `None` when `allowed` is empty.
pub fn choose(allowed: &[(Language, f32)], samples: usize, margin: f32) -> Option<Language> {
    let &(preferred, preferred_probability) = allowed.first()?;
    let total: f32 = allowed.iter().map(|(_, probability)| probability.max(0.0)).sum();
    if samples < SHORTEST_TELLING_SAMPLES || !total.is_finite() || total <= 0.0 {
        return Some(preferred);
    }
    let &(best, best_probability) = allowed.iter().max_by(|left, right| left.1.total_cmp(&right.1))?;
    let lead = (best_probability - preferred_probability) / total;
    Some(if lead > margin { best } else { preferred })
}

/// The share of probability, 0 to 1, on languages that are not allowed. `scores` are the model's (log-probabilities but for a
/// constant) for all its languages, each with whether it is allowed. `None` when they are no numbers, or there are none.
pub fn foreign_share(scores: &[(f32, bool)]) -> Option<f32> {
    let highest = scores.iter().map(|(score, _)| *score).fold(f32::NEG_INFINITY, f32::max);
    let (mut all, mut foreign) = (0.0_f32, 0.0_f32);
    for (score, is_allowed) in scores {
        let probability = (score - highest).exp();
        all += probability;
        if !is_allowed {
            foreign += probability;
        }
    }
    // Whatever is no number, or infinite, makes the sum none.
    (all.is_finite() && all > 0.0).then(|| (foreign / all).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_language_is_kept_unless_another_is_clearly_likelier() {
        let check = |probabilities: [f32; 3], samples: usize, expected: Language| {
            let allowed: Vec<_> = Language::ALL.into_iter().zip(probabilities).collect();
            assert_eq!(choose(&allowed, samples, 0.2), Some(expected), "{probabilities:?}");
        };
        check([0.1, 0.8, 0.1], 32_000, Language::En);
        check([0.1, 0.8, 0.1], 8_000, Language::Fr);
        check([0.45, 0.5, 0.05], 32_000, Language::Fr);
        // Most of the mass lies on a language that is not allowed: the allowed ones are compared among themselves.
        check([0.01, 0.01, 0.05], 32_000, Language::Nl);
        check([0.0, 0.0, 0.0], 32_000, Language::Fr);
        check([f32::NAN, 0.5, 0.0], 32_000, Language::Fr);
        assert_eq!(choose(&[], 32_000, 0.2), None);
    }

    #[test]
    fn what_lies_on_other_languages_is_told_and_nothing_is_made_of_no_numbers() {
        let check = |scores: &[(f32, bool)], expected: f32| {
            let share = foreign_share(scores).expect("they are numbers");
            assert!((share - expected).abs() < 1e-5, "{scores:?}: {share}");
        };
        let score = |probability: f32| probability.ln() + 10.0;
        check(&[(score(0.1), true), (score(0.2), true), (score(0.6), false), (score(0.1), false)], 0.7);
        check(&[(score(0.5), true)], 0.0);
        check(&[(score(0.5), false)], 1.0);
        check(&[(f32::NEG_INFINITY, true), (3.0, false)], 1.0);
        assert_eq!(foreign_share(&[]), None);
        assert_eq!(foreign_share(&[(f32::NAN, true), (3.0, false)]), None);
        assert_eq!(foreign_share(&[(f32::NEG_INFINITY, true)]), None);
    }
}

//! How much words and meanings count: fitted on sentences that neither regression had seen.

use super::calibrate::{HeldOut, temperature};
use super::model::{Mix, Scored};

/// Shares of the lexical scores that are tried. 1 is words alone, 0 meanings alone.
const SHARES: usize = 21;
/// Scores that the fit looks at: more sentences of big sets change nothing and take seconds.
const SCORES_MAX: usize = 400_000;
/// What counts where nothing can be held out, such as one sentence an intent: about what bigger sets come to.
pub(super) const UNFITTED: Mix = Mix { lexical: 0.3, semantic: 0.7 };

/// A held-out sentence and its class.
pub(super) type Tried<'a> = (&'a Scored, usize);

/// Words alone.
pub(super) fn words_alone(tried: &[Tried<'_>], intents: usize) -> Mix {
    let (temperature, _) = fitted(tried, intents, 1.0);
    Mix { lexical: 1.0 / temperature, semantic: 0.0 }
}

/// Words and meanings: the share and the temperature under which the right intents are most probable.
pub(super) fn both(tried: &[Tried<'_>], intents: usize) -> Mix {
    let share = |step: usize| step as f32 / (SHARES - 1) as f32;
    let candidates = (0..SHARES).map(|step| (share(step), fitted(tried, intents, share(step))));
    let best = candidates.min_by(|(_, (_, left)), (_, (_, right))| left.total_cmp(right));
    best.map_or(UNFITTED, |(share, (temperature, _))| Mix {
        lexical: share / temperature,
        semantic: (1.0 - share) / temperature,
    })
}

/// Temperature and loss at a share.
fn fitted(tried: &[Tried<'_>], intents: usize, share: f32) -> (f32, f64) {
    let stride = (tried.len() * intents).div_ceil(SCORES_MAX).max(1);
    let mix = Mix { lexical: share, semantic: 1.0 - share };
    let held_out: Vec<HeldOut> = tried
        .iter()
        .step_by(stride)
        .map(|(scored, class)| HeldOut { scores: scored.of_intents(mix), class: *class })
        .collect();
    temperature(&held_out)
}

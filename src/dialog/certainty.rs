//! How sure the recogniser was of what a sentence says.

use std::ops::Range;

use crate::call::WordConfidence;
use crate::call::decision::CorrectionRecord;
use crate::slots::Found;

/// How sure the recogniser was of the parts of a sentence. Of what was typed nothing is known, and it counts as certain.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Certainty {
    /// Of each word that it heard.
    pub words: Vec<WordConfidence>,
    /// Names that were put right.
    pub corrections: Vec<CorrectionRecord>,
}

impl Certainty {
    /// How sure a value of the sentence is, 0 to 1: as sure as its reading, and as a name in it was when it was put right,
    /// times the lowest confidence of its words. The reading alone says how much it looks like a value, not whether the
    /// caller said it.
    pub(super) fn of(&self, found: &Found) -> f32 {
        let touches = |span: &Range<usize>| {
            !span.is_empty() && span.start < found.span.end && found.span.start < span.end
        };
        let named = self.corrections.iter().filter(|one| touches(&one.span)).map(|one| one.score);
        let heard = self.words.iter().filter(|word| touches(&word.span));
        let confidences = heard.map(|word| word.confidence.clamp(0.0, 1.0));
        named.fold(found.score, f32::min) * confidences.fold(1.0, f32::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slots::{Kind, Value};

    fn word(span: Range<usize>, confidence: f32) -> WordConfidence {
        WordConfidence { span, confidence }
    }

    #[test]
    fn a_value_is_as_sure_as_its_worst_word_and_other_words_do_not_matter() {
        // "j'en ai cent douze ici"
        let found = Found { kind: Kind::Number, value: Value::Number(112), span: 8..18, score: 0.75 };
        let typed = Certainty::default();
        assert_eq!(typed.of(&found), 0.75);
        let words = vec![
            word(0..4, 0.125),
            word(8..12, 1.0),
            word(13..18, 0.5),
            word(18..18, 0.0),
            word(19..22, 0.25),
        ];
        assert_eq!(Certainty { words, ..typed }.of(&found), 0.375);
    }

    #[test]
    fn a_name_that_was_put_right_is_no_surer_than_it_was_like_the_name() {
        let record = CorrectionRecord {
            said: "vel moxine".into(),
            span: 3..12,
            id: "17".into(),
            name: "Velmoxine".into(),
            score: 0.75,
            runner_up: None,
        };
        let found = |span| Found { kind: Kind::Number, value: Value::Number(1), span, score: 1.0 };
        let words = vec![word(3..12, 0.5), word(3..12, 1.0)];
        let certainty = Certainty { words, corrections: vec![record] };
        assert_eq!(certainty.of(&found(3..12)), 0.375);
        assert_eq!(certainty.of(&found(13..17)), 1.0);
    }
}

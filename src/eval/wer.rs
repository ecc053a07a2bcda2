//! Word and character error rates.
//!
//! Both texts are normalised by [`crate::text::words_for_scoring`], then compared by edit distance with unit costs.

use crate::text::words_for_scoring;

/// Edits and reference length of one or more texts; rates are taken over sums, never averaged over texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ErrorCount {
    /// Substitutions, deletions and insertions.
    pub edits: u64,
    /// Units in the reference.
    pub reference: u64,
}

impl ErrorCount {
    /// Edits a reference unit; 0 for an empty reference without edits, infinite for one with edits.
    pub fn rate(self) -> f64 {
        match (self.edits, self.reference) {
            (0, _) => 0.0,
            (_, 0) => f64::INFINITY,
            (edits, reference) => edits as f64 / reference as f64,
        }
    }

    /// Adds another text's counts.
    pub fn add(&mut self, other: Self) {
        self.edits += other.edits;
        self.reference += other.reference;
    }
}

/// Counts of one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TextErrors {
    /// In words.
    pub words: ErrorCount,
    /// In characters of the normalised words, spaces between them included.
    pub characters: ErrorCount,
    /// Words in the hypothesis.
    pub hypothesis_words: u64,
}

/// Compares what was heard with what was said.
pub fn compare(reference: &str, hypothesis: &str) -> TextErrors {
    let said = words_for_scoring(reference);
    let heard = words_for_scoring(hypothesis);
    let said_characters: Vec<char> = said.join(" ").chars().collect();
    let heard_characters: Vec<char> = heard.join(" ").chars().collect();
    TextErrors {
        words: ErrorCount { edits: edit_distance(&said, &heard), reference: said.len() as u64 },
        characters: ErrorCount {
            edits: edit_distance(&said_characters, &heard_characters),
            reference: said_characters.len() as u64,
        },
        hypothesis_words: heard.len() as u64,
    }
}

/// Levenshtein distance in O(n·m) time and O(m) memory.
fn edit_distance<T: PartialEq>(reference: &[T], hypothesis: &[T]) -> u64 {
    let mut row: Vec<u64> = (0..=hypothesis.len() as u64).collect();
    for (line, said) in reference.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = line as u64 + 1;
        for (column, heard) in hypothesis.iter().enumerate() {
            let substitution = diagonal + u64::from(said != heard);
            diagonal = row[column + 1];
            row[column + 1] = substitution.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[hypothesis.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_kind_of_edit_counts_once() {
        let cases = [
            ("je veux résilier mon contrat", "je veux résilier mon contrat", 0),
            ("je veux résilier mon contrat", "je veux résiliez mon contrat", 1),
            ("je veux résilier", "je veux bien résilier", 1),
            ("je veux résilier", "veux résilier", 1),
            ("L’abonnement, c'est tout.", "l'abonnement c'est tout", 0),
            ("", "merci", 1),
            ("merci", "", 1),
        ];
        for (reference, hypothesis, edits) in cases {
            assert_eq!(compare(reference, hypothesis).words.edits, edits, "{reference} / {hypothesis}");
        }
    }

    #[test]
    fn rates_are_taken_over_sums() {
        let mut total = compare("un deux trois quatre", "un deux trois").words;
        total.add(compare("cinq", "six").words);
        assert_eq!(total, ErrorCount { edits: 2, reference: 5 });
        assert_eq!(total.rate(), 0.4);
        assert_eq!(ErrorCount::default().rate(), 0.0);
        assert!(compare("", "mot").words.rate().is_infinite());
    }

    proptest! {
        #[test]
        fn the_distance_is_a_metric(a in "[abc ]{0,12}", b in "[abc ]{0,12}", c in "[abc ]{0,12}") {
            let distance = |x: &str, y: &str| {
                edit_distance(&x.chars().collect::<Vec<_>>(), &y.chars().collect::<Vec<_>>())
            };
            prop_assert_eq!(distance(&a, &b), distance(&b, &a));
            prop_assert_eq!(distance(&a, &b) == 0, a == b);
            prop_assert!(distance(&a, &c) <= distance(&a, &b) + distance(&b, &c));
        }
    }
}

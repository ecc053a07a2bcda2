//! Cuts a sentence into the pieces of a vocabulary: the unigram model of SentencePiece, as XLM-R and its children use it.
//!
//! Of all ways to cut, the likeliest is taken (Viterbi): the greatest sum of the pieces' log-probabilities. What no piece
//! covers becomes one unknown piece a character.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;

use super::package::Vocabulary;

/// Stands for a space inside pieces.
const SPACE: char = '\u{2581}';

/// A vocabulary laid out for cutting; about 10 MB for a quarter of a million pieces.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    /// The texts of the pieces one behind the other, in ascending order.
    texts: Vec<u8>,
    /// Where each text ends.
    ends: Vec<u32>,
    ids: Vec<u32>,
    scores: Vec<f32>,
    rest: Vocabulary,
}

/// The best way to cut a sentence up to some place.
#[derive(Debug, Clone, Copy)]
struct Way {
    score: f32,
    /// Where the last piece begins.
    from: usize,
    id: u32,
}

impl Tokenizer {
    /// Lays out `vocabulary`.
    pub fn new(mut vocabulary: Vocabulary) -> Self {
        let pieces = std::mem::take(&mut vocabulary.pieces);
        let mut tokenizer = Self {
            texts: Vec::new(),
            ends: Vec::with_capacity(pieces.len()),
            ids: pieces.iter().map(|piece| piece.id).collect(),
            scores: pieces.iter().map(|piece| piece.score).collect(),
            rest: vocabulary,
        };
        for piece in &pieces {
            tokenizer.texts.extend(&piece.text);
            tokenizer.ends.push(u32::try_from(tokenizer.texts.len()).unwrap_or(u32::MAX));
        }
        tokenizer
    }

    /// The numbers of the pieces of `text` between those of begin and end; of a long text the first `pieces_max` pieces,
    /// begin and end included.
    pub fn cut(&self, text: &str, pieces_max: usize) -> Vec<u32> {
        let normalised = self.normalised(text);
        let mut ids = vec![self.rest.begin];
        ids.extend(self.likeliest(&normalised));
        ids.truncate(pieces_max.saturating_sub(1).max(1));
        ids.push(self.rest.end);
        ids
    }

    /// The text as pieces know it: replaced characters, single spaces, one in front.
    fn normalised(&self, text: &str) -> String {
        let mut normalised = String::with_capacity(text.len() + SPACE.len_utf8());
        let mut push = |character: char| {
            let is_space = character.is_whitespace() || character == SPACE;
            if !is_space {
                normalised.push(character);
            } else if !normalised.ends_with(SPACE) {
                normalised.push(SPACE);
            }
        };
        push(' ');
        for character in text.nfc() {
            match self.rest.replaced.get(&character) {
                Some(replacement) => replacement.chars().for_each(&mut push),
                None => push(character),
            }
        }
        let length = normalised.trim_end_matches(SPACE).len();
        normalised.truncate(length);
        normalised
    }

    fn likeliest(&self, text: &str) -> Vec<u32> {
        let unreached = Way { score: f32::NEG_INFINITY, from: 0, id: self.rest.unknown };
        let mut ways = vec![unreached; text.len() + 1];
        ways[0].score = 0.0;
        for (start, character) in text.char_indices() {
            let so_far = ways[start].score;
            let unknown = start + character.len_utf8();
            let mut offer = |end: usize, score: f32, id: u32| {
                if so_far + score > ways[end].score {
                    ways[end] = Way { score: so_far + score, from: start, id };
                }
            };
            self.each_piece_at(&text.as_bytes()[start..], |length, piece| {
                // Pieces are whole characters, so this is the start of one.
                offer(start + length, self.scores[piece], self.ids[piece]);
            });
            offer(unknown, self.rest.unknown_score, self.rest.unknown);
        }
        let mut ids = Vec::new();
        let mut end = text.len();
        while end > 0 {
            ids.push(ways[end].id);
            end = ways[end].from;
        }
        ids.reverse();
        ids
    }

    /// Calls `found` with the length and index of every piece that `text` begins with. The pieces that begin with the
    /// first bytes of `text` are neighbours; each further byte narrows them down.
    fn each_piece_at(&self, text: &[u8], mut found: impl FnMut(usize, usize)) {
        let mut candidates = 0..self.ends.len();
        for (depth, byte) in text.iter().enumerate() {
            candidates = self.narrowed(candidates, depth, *byte);
            if candidates.is_empty() {
                return;
            }
            // The shortest comes first.
            if self.text(candidates.start).len() == depth + 1 {
                found(depth + 1, candidates.start);
            }
        }
    }

    /// Of `candidates`, which agree up to `depth`, those with `byte` there.
    fn narrowed(&self, candidates: Range<usize>, depth: usize, byte: u8) -> Range<usize> {
        let below = |limit: Option<u8>| {
            let (mut low, mut high) = (candidates.start, candidates.end);
            while low < high {
                let middle = low + (high - low) / 2;
                // A text that ends here comes before all others: `None` is less than any byte.
                if self.text(middle).get(depth).copied() < limit { low = middle + 1 } else { high = middle }
            }
            low
        };
        let start = below(Some(byte));
        let end = byte.checked_add(1).map_or(candidates.end, |next| below(Some(next)));
        start..end
    }

    fn text(&self, piece: usize) -> &[u8] {
        let start = if piece == 0 { 0 } else { self.ends[piece - 1] as usize };
        &self.texts[start..self.ends[piece] as usize]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::encoder::package::Piece;

    fn tokenizer(pieces: &[(&str, f32)]) -> Tokenizer {
        let mut pieces: Vec<Piece> = pieces
            .iter()
            .enumerate()
            .map(|(index, (text, score))| Piece {
                text: (*text).into(),
                id: 10 + index as u32,
                score: *score,
            })
            .collect();
        pieces.sort_by(|left, right| left.text.cmp(&right.text));
        Tokenizer::new(Vocabulary {
            pieces,
            begin: 0,
            end: 2,
            unknown: 3,
            unknown_score: -30.0,
            replaced: BTreeMap::from([('ﬁ', "fi".to_owned()), ('\u{200b}', String::new())]),
        })
    }

    #[test]
    fn the_likeliest_cut_is_taken_not_the_longest_pieces() {
        // "▁ab" + "c" scores -9, "▁a" + "bc" scores -3.
        let tokenizer = tokenizer(&[("▁ab", -4.0), ("c", -5.0), ("▁a", -1.0), ("bc", -2.0), ("▁", -8.0)]);
        assert_eq!(tokenizer.cut("abc", 64), [0, 12, 13, 2]);
    }

    #[test]
    fn spaces_are_one_and_characters_are_replaced() {
        let tokenizer = tokenizer(&[("▁fin", -1.0), ("▁", -2.0), ("é", -1.0)]);
        assert_eq!(tokenizer.cut("  \u{200b}ﬁn \u{a0} ﬁn ", 64), [0, 10, 10, 2]);
        assert_eq!(tokenizer.cut("e\u{301}", 64), [0, 11, 12, 2]);
        assert_eq!(tokenizer.cut("", 64), [0, 2]);
    }

    #[test]
    fn what_no_piece_covers_is_unknown_a_character_at_a_time() {
        let tokenizer = tokenizer(&[("▁", -2.0), ("a", -1.0)]);
        assert_eq!(tokenizer.cut("a日a", 64), [0, 10, 11, 3, 11, 2]);
    }

    #[test]
    fn a_long_text_is_cut_off_and_still_ends() {
        let tokenizer = tokenizer(&[("▁a", -1.0)]);
        assert_eq!(tokenizer.cut("a a a a a", 4), [0, 10, 10, 2]);
    }

    /// Every way to cut, by recursion.
    fn best_by_brute_force(tokenizer: &Tokenizer, text: &str) -> f32 {
        let Some(first) = text.chars().next() else { return 0.0 };
        let mut best =
            tokenizer.rest.unknown_score + best_by_brute_force(tokenizer, &text[first.len_utf8()..]);
        for piece in 0..tokenizer.ends.len() {
            if let Some(left) = text.as_bytes().strip_prefix(tokenizer.text(piece)) {
                let left = std::str::from_utf8(left).unwrap();
                best = best.max(tokenizer.scores[piece] + best_by_brute_force(tokenizer, left));
            }
        }
        best
    }

    proptest! {
        #[test]
        fn no_other_cut_is_likelier(text in "[abé]{0,9}") {
            let pieces = [("a", -3.0), ("b", -3.5), ("ab", -4.0), ("aba", -6.5), ("éa", -1.0), ("▁a", -2.0), ("▁", -2.5)];
            let tokenizer = tokenizer(&pieces);
            let score_of = |id: &u32| match id {
                3 => -30.0,
                id => pieces[*id as usize - 10].1,
            };
            let ids = tokenizer.cut(&text, 64);
            let score: f32 = ids[1..ids.len() - 1].iter().map(score_of).sum();
            let normalised = tokenizer.normalised(&text);
            prop_assert!((score - best_by_brute_force(&tokenizer, &normalised)).abs() < 1e-4);
        }

        #[test]
        fn any_text_is_cut(text in "\\PC{0,60}", pieces_max in 2_usize..20) {
            let ids = tokenizer(&[("▁a", -1.0), ("é", -2.0)]).cut(&text, pieces_max);
            prop_assert!(ids.len() <= pieces_max && ids[0] == 0 && ids[ids.len() - 1] == 2);
        }
    }
}

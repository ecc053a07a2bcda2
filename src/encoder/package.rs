//! What a sentence encoder consists of: a graph, its weights, and the vocabulary its sentences are cut with.
//!
//! `models` writes these files, the encoder reads them; both go through here. The graph takes `input_ids` and
//! `attention_mask` (sentences × pieces) and gives `embedding` and `middle` (sentences × values, each of length 1).

use std::collections::BTreeMap;
use std::io::{self, Write};

/// The graph.
pub const GRAPH_FILE: &str = "encoder.onnx";
/// The weights of the graph.
pub const WEIGHTS_FILE: &str = "weights.bin";
/// The vocabulary.
pub const VOCABULARY_FILE: &str = "vocabulary.bin";
/// Key in the graph's metadata: the hash of the file that the model was made from, which tells models apart.
pub const ORIGIN: &str = "allo.origin";

/// Numbers of the pieces of each sentence, padded with 0.
pub const INPUT_IDS: &str = "input_ids";
/// 1 for a piece, 0 for padding.
pub const ATTENTION_MASK: &str = "attention_mask";
/// The vectors: what a sentence means.
pub const EMBEDDING: &str = "embedding";
/// Vectors of an earlier stage: what a sentence means, nearer to its words.
pub const MIDDLE: &str = "middle";

/// First bytes of a vocabulary; the last one counts versions.
const MAGIC: &[u8; 8] = b"ALLOVOC1";
/// More pieces than any vocabulary has; a file that says otherwise is not believed.
const PIECES_MAX: usize = 1 << 22;
/// More replaced characters than there are.
const REPLACED_MAX: usize = 1 << 21;

/// One piece of the vocabulary: a string that stands as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// The bytes of it, with `▁` for a space.
    pub text: Vec<u8>,
    /// Number by which the network knows it.
    pub id: u32,
    /// Log-probability (natural logarithm): the cut of a sentence with the greatest sum is taken.
    pub score: f32,
}

/// The vocabulary of a unigram tokenizer (SentencePiece).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Vocabulary {
    /// Pieces in ascending order of their text, each text once, none empty; special ones left out.
    pub pieces: Vec<Piece>,
    /// Number of the piece before every sentence.
    pub begin: u32,
    /// Number of the piece behind every sentence.
    pub end: u32,
    /// Number of the piece for what no other covers.
    pub unknown: u32,
    /// Score of an unknown character.
    pub unknown_score: f32,
    /// Characters that are replaced before a sentence is cut, such as `ﬁ` by `fi`.
    pub replaced: BTreeMap<char, String>,
}

impl Vocabulary {
    /// Writes the file.
    ///
    /// # Errors
    /// Those of `to`.
    pub fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        to.write_all(MAGIC)?;
        for number in [self.begin, self.end, self.unknown] {
            to.write_all(&number.to_le_bytes())?;
        }
        to.write_all(&self.unknown_score.to_le_bytes())?;
        write_length(to, self.pieces.len())?;
        for piece in &self.pieces {
            to.write_all(&piece.id.to_le_bytes())?;
            to.write_all(&piece.score.to_le_bytes())?;
            write_length(to, piece.text.len())?;
            to.write_all(&piece.text)?;
        }
        write_length(to, self.replaced.len())?;
        for (character, replacement) in &self.replaced {
            to.write_all(&u32::from(*character).to_le_bytes())?;
            write_length(to, replacement.len())?;
            to.write_all(replacement.as_bytes())?;
        }
        Ok(())
    }

    /// Reads the file; what is wrong with it otherwise.
    ///
    /// # Errors
    /// Says what is wrong with `bytes`.
    pub fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let mut cursor = Cursor { left: bytes };
        if cursor.take(MAGIC.len())? != MAGIC {
            return Err("not a vocabulary of this version");
        }
        let (begin, end, unknown) = (cursor.number()?, cursor.number()?, cursor.number()?);
        let unknown_score = cursor.score()?;
        let mut pieces: Vec<Piece> = Vec::new();
        for _ in 0..cursor.length(PIECES_MAX)? {
            let (id, score) = (cursor.number()?, cursor.score()?);
            let length = cursor.length(usize::from(u16::MAX))?;
            let text = cursor.take(length)?.to_vec();
            if pieces.last().is_some_and(|last| last.text >= text) || text.is_empty() {
                return Err("the pieces are not in order");
            }
            pieces.push(Piece { text, id, score });
        }
        let mut replaced = BTreeMap::new();
        for _ in 0..cursor.length(REPLACED_MAX)? {
            let character = char::from_u32(cursor.number()?).ok_or("not a character")?;
            let length = cursor.length(usize::from(u16::MAX))?;
            let replacement = std::str::from_utf8(cursor.take(length)?).map_err(|_| "not UTF-8")?;
            replaced.insert(character, replacement.to_owned());
        }
        if !cursor.left.is_empty() {
            return Err("longer than it says");
        }
        Ok(Self { pieces, begin, end, unknown, unknown_score, replaced })
    }
}

fn write_length(to: &mut dyn Write, length: usize) -> io::Result<()> {
    let length = u32::try_from(length).map_err(io::Error::other)?;
    to.write_all(&length.to_le_bytes())
}

struct Cursor<'a> {
    left: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], &'static str> {
        let (taken, left) = self.left.split_at_checked(length).ok_or("shorter than it says")?;
        self.left = left;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u32, &'static str> {
        let bytes = self.take(4)?.first_chunk().ok_or("shorter than it says")?;
        Ok(u32::from_le_bytes(*bytes))
    }

    fn score(&mut self) -> Result<f32, &'static str> {
        let score = f32::from_bits(self.number()?);
        if score.is_finite() { Ok(score) } else { Err("a score is not a number") }
    }

    fn length(&mut self, limit: usize) -> Result<usize, &'static str> {
        let length = self.number()? as usize;
        if length <= limit { Ok(length) } else { Err("a length is absurd") }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn vocabulary() -> Vocabulary {
        let piece = |text: &str, id, score| Piece { text: text.into(), id, score };
        Vocabulary {
            pieces: vec![piece("a", 4, -1.0), piece("ab", 5, -2.5)],
            begin: 0,
            end: 2,
            unknown: 3,
            unknown_score: -30.0,
            replaced: BTreeMap::from([('ﬁ', "fi".to_owned()), ('\u{ad}', String::new())]),
        }
    }

    fn written(vocabulary: &Vocabulary) -> Vec<u8> {
        let mut bytes = Vec::new();
        vocabulary.write(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(Vocabulary::parse(&written(&vocabulary())).unwrap(), vocabulary());
    }

    #[test]
    fn a_file_that_is_cut_or_out_of_order_is_refused() {
        let bytes = written(&vocabulary());
        for length in 0..bytes.len() {
            assert!(Vocabulary::parse(&bytes[..length]).is_err(), "{length}");
        }
        let mut reversed = vocabulary();
        reversed.pieces.reverse();
        assert_eq!(Vocabulary::parse(&written(&reversed)), Err("the pieces are not in order"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Vocabulary::parse(&[MAGIC.as_slice(), &bytes].concat());
        }
    }
}

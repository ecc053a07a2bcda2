//! Whisper's vocabulary: which id means what, text to tokens and tokens to bytes.
//!
//! A model's tokens are, in this order: the text tokens, the end of the text, the start of a transcript, the
//! languages, five markers, and the time stamps 0.00 s to 30.00 s in steps of 0.02 s. Where each begins follows from
//! the size of the vocabulary alone; three sizes exist (English only, 99 languages, 100 languages).
//!
//! Text becomes tokens as in GPT-2: it is cut into pieces (`pieces`), and in each piece the two neighbours whose union
//! is the token with the lowest id are joined until there are none. The id of a text token is its rank.
//!
//! Whether a token is allowed at some place of a transcript is the search's business; this module lists the ids.

mod languages;
mod pieces;
mod symbols;

use super::Error;

/// Tokens of a model that knows English only; it has one text token less than the others.
const ENGLISH_SIZE: usize = 51_864;
/// Tokens of a model with 99 languages.
const MULTILINGUAL_SIZE: usize = 51_865;
/// Tokens of a model with Cantonese besides (large-v3).
const LARGE_V3_SIZE: usize = 51_866;
/// Text tokens of the models with several languages.
const TEXT_TOKENS: u32 = 50_257;
/// Longest piece that is encoded at once, in bytes; no word is longer. Joining takes the square of the length.
const LONGEST_PIECE: usize = 512;

/// The tokens of one model.
#[derive(Debug, Clone)]
pub struct Vocabulary {
    text: Vec<Vec<u8>>,
    /// Ids of the text tokens in the order of their bytes, each text once.
    by_bytes: Vec<u32>,
    size: u32,
    is_multilingual: bool,
    languages: u32,
}

impl Vocabulary {
    /// The vocabulary of a model with `size` tokens in all. `text_tokens` are the bytes of the text tokens in the order
    /// of their ids; whatever stands behind the last id of a text token is left out (some files list the end of the
    /// text among them). An id without bytes is never encoded.
    ///
    /// # Errors
    /// [`Error::VocabularySize`] when no Whisper model has that size.
    pub fn new(mut text_tokens: Vec<Vec<u8>>, size: usize) -> Result<Self, Error> {
        let (known_size, is_multilingual, languages) = match size {
            ENGLISH_SIZE => (51_864, false, 99),
            MULTILINGUAL_SIZE => (51_865, true, 99),
            LARGE_V3_SIZE => (51_866, true, 100),
            _ => return Err(Error::VocabularySize { size }),
        };
        let mut vocabulary =
            Self { text: Vec::new(), by_bytes: Vec::new(), size: known_size, is_multilingual, languages };
        text_tokens.truncate(vocabulary.eot() as usize);
        let bytes_of = |id: &u32| text_tokens[*id as usize].as_slice();
        let mut by_bytes: Vec<u32> =
            (0..).take(text_tokens.len()).filter(|id| !bytes_of(id).is_empty()).collect();
        by_bytes.sort_by_key(bytes_of);
        by_bytes.dedup_by(|left, right| bytes_of(left) == bytes_of(right));
        vocabulary.by_bytes = by_bytes;
        vocabulary.text = text_tokens;
        Ok(vocabulary)
    }

    /// Whether the model knows other languages than English.
    pub const fn is_multilingual(&self) -> bool {
        self.is_multilingual
    }

    /// How many tokens there are in all; ids are below it.
    pub const fn size(&self) -> u32 {
        self.size
    }

    /// End of the text.
    pub const fn eot(&self) -> u32 {
        if self.is_multilingual { TEXT_TOKENS } else { TEXT_TOKENS - 1 }
    }

    /// Start of a transcript.
    pub const fn sot(&self) -> u32 {
        self.eot() + 1
    }

    /// The token of a language by its ISO 639-1 code (or `haw`, `jw`, `yue`). `None` for a language that the model does
    /// not know, and for all of them in a model of English only, which takes no language.
    pub fn language(&self, code: &str) -> Option<u32> {
        let known = languages::CODES.iter().take(self.languages as usize);
        let index = known.zip(0..).find(|(known, _)| **known == code).map(|(_, index)| index)?;
        self.is_multilingual.then(|| self.sot() + 1 + index)
    }

    /// The tokens of all languages; of a model of English only tokens that it never uses.
    pub const fn languages(&self) -> std::ops::Range<u32> {
        self.sot() + 1..self.translate()
    }

    /// The task of translating to English.
    pub const fn translate(&self) -> u32 {
        self.sot() + 1 + self.languages
    }

    /// The task of writing down what is said.
    pub const fn transcribe(&self) -> u32 {
        self.translate() + 1
    }

    /// A marker from the training of the models that was given up; never comes out.
    pub const fn start_of_lm(&self) -> u32 {
        self.translate() + 2
    }

    /// Start of the text that came before.
    pub const fn start_of_previous(&self) -> u32 {
        self.translate() + 3
    }

    /// Its probability right after [`Vocabulary::sot`] is the model's own that nothing is said.
    pub const fn no_speech(&self) -> u32 {
        self.translate() + 4
    }

    /// Asks for a text without time stamps.
    pub const fn no_timestamps(&self) -> u32 {
        self.translate() + 5
    }

    /// The time stamp 0.00 s; the others follow up to the end of the vocabulary.
    pub const fn first_timestamp(&self) -> u32 {
        self.translate() + 6
    }

    /// Whether `id` is a text token.
    pub const fn is_text(&self, id: u32) -> bool {
        id < self.eot()
    }

    /// The encoder position (20 ms, 0 to 1500) that a time stamp names; `None` for another token.
    pub fn timestamp_position(&self, id: u32) -> Option<u32> {
        if id < self.size { id.checked_sub(self.first_timestamp()) } else { None }
    }

    /// The bytes of a text token, with its leading space; empty for every other id. One letter may be split over two
    /// tokens.
    pub fn bytes(&self, id: u32) -> &[u8] {
        self.text.get(id as usize).map(Vec::as_slice).unwrap_or_default()
    }

    /// The tokens of `text`. Special tokens are not read: `<|en|>` is seven signs. Bytes that the vocabulary does not
    /// hold (no real one lacks any) are left out.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        for piece in pieces::split(text) {
            piece.as_bytes().chunks(LONGEST_PIECE).for_each(|piece| self.encode_piece(piece, &mut ids));
        }
        ids
    }

    /// The tokens of `text` where they are all of it: `None` where the vocabulary lacks a byte of it.
    pub fn spell(&self, text: &str) -> Option<Vec<u32>> {
        let ids = self.encode(text);
        let bytes: usize = ids.iter().map(|id| self.bytes(*id).len()).sum();
        (bytes == text.len()).then_some(ids)
    }

    /// The token that is `text` and nothing else.
    pub fn token(&self, text: &str) -> Option<u32> {
        self.find(text.as_bytes())
    }

    /// The token of the same letters in lower case; `id` itself where there is none, or nothing to change.
    pub fn in_lower_case(&self, id: u32) -> u32 {
        let text = std::str::from_utf8(self.bytes(id)).ok();
        let lower = text.filter(|text| text.contains(char::is_uppercase)).map(str::to_lowercase);
        lower.and_then(|lower| self.token(&lower)).unwrap_or(id)
    }

    /// What may never come out: the signs that stand for sounds and not for speech, as the models' publisher chose
    /// them, and the special tokens that only a prompt holds, languages included. In rising order. Neither time stamps
    /// nor their absence ([`Vocabulary::no_timestamps`]) are among them.
    pub fn suppressed(&self) -> Vec<u32> {
        let mut ids = symbols::ids(|text| self.spell(text).unwrap_or_default());
        ids.extend(self.sot()..self.no_timestamps());
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// What may not come first in a text: a lone space and the end.
    pub fn blank(&self) -> Vec<u32> {
        let mut ids = self.encode(" ");
        ids.push(self.eot());
        ids
    }

    fn find(&self, bytes: &[u8]) -> Option<u32> {
        let found = self.by_bytes.binary_search_by_key(&bytes, |id| self.bytes(*id)).ok()?;
        self.by_bytes.get(found).copied()
    }

    fn encode_piece(&self, piece: &[u8], ids: &mut Vec<u32>) {
        if let Some(id) = self.find(piece) {
            ids.push(id);
            return;
        }
        // Each part by its start, with the token that it would be together with the next one. The last is the end.
        let joined = |start: usize, end: Option<usize>| self.find(piece.get(start..end?)?);
        let mut parts: Vec<(usize, Option<u32>)> =
            (0..=piece.len()).map(|start| (start, joined(start, Some(start + 2)))).collect();
        let start_of = |parts: &[(usize, Option<u32>)], index: usize| parts.get(index).map(|part| part.0);
        while let Some((_, index)) =
            parts.iter().zip(0..).filter_map(|((_, joined), index)| Some(((*joined)?, index))).min()
        {
            parts.remove(index + 1);
            parts[index].1 = joined(parts[index].0, start_of(&parts, index + 2));
            if let Some(before) = index.checked_sub(1) {
                parts[before].1 = joined(parts[before].0, start_of(&parts, index + 1));
            }
        }
        ids.extend(parts.windows(2).filter_map(|pair| self.find(&piece[pair[0].0..pair[1].0])));
    }
}

#[cfg(test)]
mod tests;
